import { Button, Group, PasswordInput, Stack, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useMutation } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { api } from "@/api/client";
import type { KeyAdded, Provider } from "@/api/types";
import { ErrorState } from "@/ui/ErrorState";
import { notifyDone } from "@/ui/toast";
import { AddressFields } from "./AddressFields";
import { hasOwnAddress } from "./ownAddress";
import { useRefreshKeys } from "./useRefreshKeys";

interface Props {
  provider: Provider;
  onClose: () => void;
}

export function OneKey({ provider, onClose }: Props) {
  const { t } = useTranslation(["keys", "common"]);
  const refresh = useRefreshKeys(provider.name);
  const addressed = hasOwnAddress(provider);
  const form = useForm({
    initialValues: { key: "", name: "", baseUrl: "", models: [] as string[] },
    validate: { key: (value) => (value.trim() ? null : t("add.keyRequired")) },
  });
  const add = useMutation({
    mutationFn: ({ key, name, baseUrl, models }: typeof form.values) =>
      api.post<KeyAdded>("/api/key-pool", {
        provider: provider.name,
        action: "add",
        keyItem: {
          key: key.trim(),
          ...(name ? { name } : {}),
          ...(addressed && baseUrl ? { baseUrl } : {}),
          ...(addressed && models.length > 0 ? { models } : {}),
        },
      }),
    meta: { quiet: true },
    onSuccess: async () => {
      notifyDone(t("add.added", { count: 1 }));
      onClose();
      await refresh();
    },
  });
  return (
    <form onSubmit={form.onSubmit((values) => add.mutate(values))}>
      <Stack>
        <PasswordInput label={t("add.key")} autoComplete="new-password" {...form.getInputProps("key")} />
        <TextInput
          label={t("edit.name")}
          maxLength={200}
          autoComplete="off"
          {...form.getInputProps("name")}
        />
        {addressed && (
          <AddressFields baseUrl={form.getInputProps("baseUrl")} models={form.getInputProps("models")} />
        )}
        {add.error && <ErrorState error={add.error} />}
        <Group justify="flex-end">
          <Button type="submit" loading={add.isPending}>
            {t("common:action.add")}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
