import { Button, FileButton, Group, Stack, Text, Textarea } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useDebouncedValue } from "@mantine/hooks";
import { IconFileUpload } from "@tabler/icons-react";
import { keepPreviousData, useMutation, useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { api } from "@/api/client";
import type { ImportPreview, KeysImported, Provider } from "@/api/types";
import { ErrorState } from "@/ui/ErrorState";
import { notifyDone } from "@/ui/toast";
import { AddressFields } from "./AddressFields";
import { hasOwnAddress } from "./ownAddress";
import { PreviewList } from "./PreviewList";
import { useRefreshKeys } from "./useRefreshKeys";

interface Props {
  provider: Provider;
  onClose: () => void;
}

const LOOK_AFTER_MS = 350;

/** The gateway's opinion about keys that are being pasted. */
function usePreview(provider: string, keys: string) {
  const [settled] = useDebouncedValue(keys.trim(), LOOK_AFTER_MS);
  return useQuery({
    queryKey: ["keyPreview", provider, settled],
    queryFn: ({ signal }) =>
      api.post<ImportPreview>("/api/key-pool", { provider, action: "preview", keys: settled }, { signal }),
    enabled: settled !== "",
    placeholderData: keepPreviousData,
    // Keys are not kept longer than the dialog shows them.
    gcTime: 0,
  });
}

export function ImportKeys({ provider, onClose }: Props) {
  const { t } = useTranslation("keys");
  const refresh = useRefreshKeys(provider.name);
  const addressed = hasOwnAddress(provider);
  const form = useForm({ initialValues: { keys: "", baseUrl: "", models: [] as string[] } });
  const preview = usePreview(provider.name, form.values.keys);
  const shown = form.values.keys.trim() ? preview.data : undefined;
  const fresh = shown?.items.filter(({ verdict }) => verdict === "new").length ?? 0;
  const add = useMutation({
    mutationFn: ({ keys, baseUrl, models }: typeof form.values) =>
      api.post<KeysImported>("/api/key-pool", {
        provider: provider.name,
        action: "batch_add",
        keys,
        format: "auto",
        ...(addressed && baseUrl ? { baseUrl } : {}),
        ...(addressed && models.length > 0 ? { models } : {}),
      }),
    meta: { quiet: true },
    onSuccess: async ({ added }) => {
      notifyDone(t("add.added", { count: added }));
      onClose();
      await refresh();
    },
  });
  const read = async (file: File | null) => {
    if (file) form.setFieldValue("keys", await file.text());
  };
  return (
    <form onSubmit={form.onSubmit((values) => add.mutate(values))}>
      <Stack>
        <Textarea
          label={t("add.keys")}
          description={t("add.keysHint")}
          autosize
          minRows={5}
          maxRows={10}
          spellCheck={false}
          autoComplete="off"
          data-autofocus
          styles={{ input: { fontFamily: "var(--mantine-font-family-monospace)" } }}
          {...form.getInputProps("keys")}
        />
        {addressed && (
          <AddressFields baseUrl={form.getInputProps("baseUrl")} models={form.getInputProps("models")} />
        )}
        {preview.error && <ErrorState error={preview.error} />}
        {shown && <PreviewList items={shown.items} />}
        {add.error && <ErrorState error={add.error} />}
        <Group justify="space-between">
          <FileButton onChange={(file) => void read(file)} accept=".txt,.csv,text/plain,text/csv">
            {(props) => (
              <Button variant="default" leftSection={<IconFileUpload size={16} aria-hidden />} {...props}>
                {t("add.file")}
              </Button>
            )}
          </FileButton>
          <Group gap="sm">
            {preview.isFetching && (
              <Text size="sm" c="dimmed">
                {t("add.checking")}
              </Text>
            )}
            <Button type="submit" loading={add.isPending} disabled={fresh === 0}>
              {t("add.import", { count: fresh })}
            </Button>
          </Group>
        </Group>
      </Stack>
    </form>
  );
}
