import { Button, Group, Modal, PasswordInput, Stack, TagsInput, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { ApiError, api } from "@/api/client";
import { keysQuery } from "@/api/queries";
import type { Done, Key, KeyItem } from "@/api/types";
import { ErrorState } from "@/ui/ErrorState";
import { notifyDone } from "@/ui/toast";

interface Props {
  item: Key | null;
  onClose: () => void;
}

/** Renames a key, or puts another in its place. */
export default function EditKey({ item, onClose }: Props) {
  const { t } = useTranslation(["keys", "common"]);
  return (
    <Modal
      opened={item !== null}
      onClose={onClose}
      title={t("edit.title")}
      closeButtonProps={{ "aria-label": t("common:action.close") }}
    >
      {item && <Form key={item.id} item={item} onClose={onClose} />}
    </Modal>
  );
}

function Form({ item, onClose }: { item: Key; onClose: () => void }) {
  const { t } = useTranslation(["keys", "common"]);
  const client = useQueryClient();
  const form = useForm({
    initialValues: { name: item.name, key: "", baseUrl: item.baseUrl ?? "", models: item.models },
  });
  // Only the OpenAI-compatible platform's keys have an address and models of their own.
  const hasAddress = item.baseUrl !== null;
  const moved = hasAddress && form.values.baseUrl !== item.baseUrl;
  const save = useMutation({
    mutationFn: ({ name, key, baseUrl, models }: typeof form.values) => {
      const keyItem: KeyItem = { name, ...(key ? { key } : {}), ...(hasAddress ? { baseUrl, models } : {}) };
      return api.post<Done>("/api/key-pool", {
        provider: item.provider,
        action: "update",
        id: item.id,
        keyItem,
      });
    },
    meta: { quiet: true },
    onSuccess: async () => {
      notifyDone(t("common:state.saved"));
      onClose();
      await client.invalidateQueries({ queryKey: keysQuery(item.provider).queryKey });
    },
    onError: (error) => {
      if (error instanceof ApiError && error.status === 409) form.setErrors({ key: error.message });
    },
  });
  const duplicate = save.error instanceof ApiError && save.error.status === 409;
  return (
    <form onSubmit={form.onSubmit((values) => save.mutate(values))}>
      <Stack>
        <TextInput
          label={t("edit.name")}
          maxLength={200}
          autoComplete="off"
          {...form.getInputProps("name")}
        />
        {hasAddress && (
          <>
            <TextInput label={t("edit.baseUrl")} autoComplete="off" {...form.getInputProps("baseUrl")} />
            <TagsInput
              label={t("edit.models")}
              splitChars={[",", "，", " "]}
              acceptValueOnBlur
              {...form.getInputProps("models")}
            />
          </>
        )}
        <PasswordInput
          label={t("edit.key")}
          description={moved ? t("edit.keyNeeded") : t("edit.keyHint", { key: item.key })}
          required={moved}
          autoComplete="new-password"
          {...form.getInputProps("key")}
        />
        {save.error && !duplicate && <ErrorState error={save.error} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            {t("common:action.cancel")}
          </Button>
          <Button type="submit" loading={save.isPending}>
            {t("common:action.save")}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
