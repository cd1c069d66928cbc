import { Alert, Button, Group, Modal, PasswordInput, Stack, TagsInput, Text, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { IconPlugConnected } from "@tabler/icons-react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { api } from "@/api/client";
import { configQuery, keysQuery } from "@/api/queries";
import { useSaveConfig } from "@/api/saveConfig";
import type { ConfigSnapshot, EndpointTrial, KeyAdded } from "@/api/types";
import { ErrorState } from "@/ui/ErrorState";
import { notifyDone } from "@/ui/toast";

/** The platform that speaks the OpenAI API to any address. */
const OPENAI_COMPATIBLE = "NewApi";

interface Values {
  baseUrl: string;
  key: string;
  name: string;
  models: string[];
}

interface Props {
  opened: boolean;
  onClose: () => void;
  config: ConfigSnapshot;
}

export default function AddChannel({ opened, onClose, config }: Props) {
  const { t } = useTranslation(["channel", "common"]);
  return (
    <Modal
      opened={opened}
      onClose={onClose}
      title={t("add.title")}
      size="lg"
      closeButtonProps={{ "aria-label": t("common:action.close") }}
    >
      <Form config={config} onClose={onClose} />
    </Modal>
  );
}

function useAdd({ config, onClose }: Omit<Props, "opened">) {
  const { t } = useTranslation("channel");
  const client = useQueryClient();
  const saveConfig = useSaveConfig();
  const off = config.providers.some(({ name, enabled }) => name === OPENAI_COMPATIBLE && !enabled);
  return useMutation({
    mutationFn: ({ baseUrl, key, name, models }: Values) =>
      api.post<KeyAdded>("/api/key-pool", {
        provider: OPENAI_COMPATIBLE,
        action: "add",
        keyItem: { key, baseUrl, models, ...(name ? { name } : {}) },
      }),
    meta: { quiet: true },
    onSuccess: async () => {
      if (off)
        await saveConfig.mutateAsync({ patch: { providers: { [OPENAI_COMPATIBLE]: { enabled: true } } } });
      await client.invalidateQueries({ queryKey: keysQuery(OPENAI_COMPATIBLE).queryKey });
      await client.invalidateQueries({ queryKey: configQuery.queryKey });
      notifyDone(t("add.done"));
      onClose();
    },
  });
}

function Form({ config, onClose }: Omit<Props, "opened">) {
  const { t } = useTranslation(["channel", "common"]);
  const form = useForm<Values>({
    initialValues: { baseUrl: "", key: "", name: "", models: [] },
    validate: {
      baseUrl: (value) => (/^https?:\/\/[^\s/]+/i.test(value) ? null : t("common:setting.flaw.url")),
      key: (value) => (value.trim() ? null : t("add.keyRequired")),
    },
  });
  const trial = useMutation({
    mutationFn: ({ baseUrl, key }: Values) =>
      api.post<EndpointTrial>("/api/tools/test-newapi-key", { baseUrl, key }),
    meta: { quiet: true },
    onSuccess: ({ models }) => {
      if (form.values.models.length === 0) form.setFieldValue("models", models);
    },
  });
  const add = useAdd({ config, onClose });
  return (
    <form onSubmit={form.onSubmit((values) => add.mutate(values))}>
      <Stack>
        <Text size="sm" c="dimmed">
          {t("add.description")}
        </Text>
        <TextInput
          label={t("add.baseUrl")}
          placeholder="https://api.example.com/v1"
          autoComplete="off"
          data-autofocus
          {...form.getInputProps("baseUrl")}
        />
        <PasswordInput label={t("add.key")} autoComplete="new-password" {...form.getInputProps("key")} />
        <TextInput
          label={t("add.name")}
          description={t("add.nameHint")}
          maxLength={200}
          autoComplete="off"
          {...form.getInputProps("name")}
        />
        <TagsInput
          label={t("add.models")}
          description={t("add.modelsHint")}
          data={trial.data?.models ?? []}
          splitChars={[",", "，", " "]}
          acceptValueOnBlur
          clearable
          clearButtonProps={{ "aria-label": t("common:action.clear") }}
          {...form.getInputProps("models")}
        />
        {trial.data && (
          <Alert
            color={trial.data.ok ? "green" : "red"}
            role="status"
            title={t(trial.data.ok ? "common:trial.ok" : "common:trial.failed")}
          >
            {trial.data.message}
          </Alert>
        )}
        {trial.error && <ErrorState error={trial.error} />}
        {add.error && <ErrorState error={add.error} />}
        <Group justify="space-between">
          <Button
            variant="default"
            leftSection={<IconPlugConnected size={16} aria-hidden />}
            loading={trial.isPending}
            onClick={() => !form.validate().hasErrors && trial.mutate(form.values)}
          >
            {t("add.try")}
          </Button>
          <Button type="submit" loading={add.isPending}>
            {t("common:action.add")}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
