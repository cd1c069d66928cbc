import {
  Alert,
  Button,
  Code,
  Group,
  Modal,
  NumberInput,
  Stack,
  TagsInput,
  Text,
  TextInput,
} from "@mantine/core";
import { useForm } from "@mantine/form";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { ApiError, api } from "@/api/client";
import { clientKeysQuery, configQuery } from "@/api/queries";
import type { ClientKey, MadeClientKey } from "@/api/types";
import { CopyButton } from "@/ui/CopyButton";
import { ErrorState } from "@/ui/ErrorState";
import { notifyDone } from "@/ui/toast";
import { type ClientKeyValues, knownModels, termsOf, valuesOf } from "./terms";

interface Props {
  /** The key to change; `new`: one is to be made. */
  open: ClientKey | "new" | null;
  onClose: () => void;
}

/** Makes a key, and shows it this once; or changes what a key may do. */
export function ClientKeyDialog({ open, onClose }: Props) {
  const { t } = useTranslation(["setting", "common"]);
  const [made, setMade] = useState<MadeClientKey | null>(null);
  const close = () => {
    onClose();
    setMade(null);
  };
  const title = made ? t("clients.made.title") : open === "new" ? t("clients.add") : t("clients.edit");
  return (
    <Modal
      opened={open !== null}
      onClose={close}
      title={title}
      size="lg"
      closeButtonProps={{ "aria-label": t("common:action.close") }}
      // A key that is not copied yet is lost with a click beside the dialog.
      closeOnClickOutside={made === null}
    >
      {made ? (
        <Made made={made} onDone={close} />
      ) : (
        open && <Form item={open === "new" ? null : open} onMade={setMade} onClose={close} />
      )}
    </Modal>
  );
}

function Made({ made, onDone }: { made: MadeClientKey; onDone: () => void }) {
  const { t } = useTranslation("setting");
  return (
    <Stack>
      <Alert color="orange">{t("globalKey.once")}</Alert>
      <Code block fz="sm" style={{ wordBreak: "break-all", whiteSpace: "pre-wrap" }}>
        {made.key}
      </Code>
      <Text size="sm" c="dimmed">
        {t("globalKey.usage")}
      </Text>
      <Group justify="flex-end">
        <CopyButton full value={made.key} label={t("globalKey.copy")} />
        <Button onClick={onDone}>{t("globalKey.done")}</Button>
      </Group>
    </Stack>
  );
}

interface FormProps {
  item: ClientKey | null;
  onMade: (made: MadeClientKey) => void;
  onClose: () => void;
}

function Form({ item, onMade, onClose }: FormProps) {
  const { t } = useTranslation(["setting", "common"]);
  const client = useQueryClient();
  const config = useQuery(configQuery);
  const form = useForm<ClientKeyValues>({
    initialValues: valuesOf(item),
    validate: { name: (name) => (name.trim() === "" ? t("clients.form.nameRequired") : null) },
  });
  const save = useMutation({
    mutationFn: async (values: ClientKeyValues) => {
      if (item) await api.patch<ClientKey>(`/api/client-keys/${item.id}`, termsOf(values));
      else onMade(await api.post<MadeClientKey>("/api/client-keys", termsOf(values)));
    },
    meta: { quiet: true },
    onSuccess: async () => {
      if (item) {
        notifyDone(t("common:state.saved"));
        onClose();
      }
      await client.invalidateQueries({ queryKey: clientKeysQuery.queryKey });
    },
    onError: (error) => {
      if (error instanceof ApiError && error.param) form.setErrors({ [error.param]: error.message });
    },
  });
  const ofAField =
    save.error instanceof ApiError && save.error.param !== null && save.error.param in form.values;
  return (
    <form onSubmit={form.onSubmit((values) => save.mutate(values))} noValidate>
      <Stack>
        <TextInput
          label={t("clients.form.name")}
          description={t("clients.form.nameHint")}
          maxLength={200}
          autoComplete="off"
          data-autofocus
          {...form.getInputProps("name")}
        />
        <TagsInput
          label={t("clients.form.models")}
          description={t("clients.form.modelsHint")}
          splitChars={[",", "，", " "]}
          acceptValueOnBlur
          data={knownModels(config.data)}
          maxDropdownHeight={220}
          {...form.getInputProps("models")}
        />
        <Group grow align="flex-start">
          <NumberInput
            label={t("clients.form.perMinute")}
            placeholder={t("clients.form.noBound")}
            min={1}
            max={100_000}
            allowDecimal={false}
            {...form.getInputProps("requestsPerMinute")}
          />
          <NumberInput
            label={t("clients.form.atOnce")}
            placeholder={t("clients.form.noBound")}
            min={1}
            max={100_000}
            allowDecimal={false}
            {...form.getInputProps("concurrentRequests")}
          />
        </Group>
        <TextInput
          type="datetime-local"
          label={t("clients.form.expires")}
          description={t("clients.form.expiresHint")}
          {...form.getInputProps("expires")}
        />
        {save.error && !ofAField && <ErrorState error={save.error} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            {t("common:action.cancel")}
          </Button>
          <Button type="submit" loading={save.isPending}>
            {item ? t("common:action.save") : t("clients.form.make")}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
