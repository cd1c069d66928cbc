import { Alert, Button, Code, Group, Modal, Stack, Text } from "@mantine/core";
import { IconRefresh } from "@tabler/icons-react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { api } from "@/api/client";
import { configQuery } from "@/api/queries";
import type { Setting } from "@/api/types";
import { CopyButton } from "@/ui/CopyButton";
import { useConfirm } from "@/ui/confirm";
import { SettingControl } from "@/ui/settings/SettingControl";
import { useSettingTexts } from "@/ui/settings/texts";
import type { DraftState } from "@/ui/settings/useDraft";

interface Props {
  setting: Setting;
  state: DraftState;
}

/** The global access key: typed by hand, or made by the gateway and shown once. */
export function GlobalKey({ setting, state }: Props) {
  const { t } = useTranslation(["setting", "common"]);
  const texts = useSettingTexts();
  const confirm = useConfirm();
  const client = useQueryClient();
  const rotate = useMutation({
    mutationFn: () => api.post<{ key: string }>("/api/access-key/rotate"),
    onSuccess: () => {
      state.change(setting, setting.value);
      return client.invalidateQueries({ queryKey: configQuery.queryKey });
    },
  });
  const fixed = setting.source === "env";
  const ask = async () => {
    const sure =
      !setting.isSet ||
      (await confirm({
        title: t("globalKey.rotateTitle"),
        body: t("globalKey.rotateBody"),
        confirm: t("globalKey.rotate"),
        danger: true,
      }));
    if (sure) rotate.mutate();
  };
  const { label } = texts(setting);
  return (
    <Stack gap="xs">
      <SettingControl
        setting={setting}
        draft={state.draft[setting.path]}
        onChange={(text) => state.change(setting, text)}
        label={label}
        error={state.refusalOf(setting.path)}
        disabled={fixed}
        describedBy=""
      />
      {!fixed && (
        <Group>
          <Button
            variant="light"
            leftSection={<IconRefresh size={16} aria-hidden />}
            onClick={() => void ask()}
            loading={rotate.isPending}
          >
            {setting.isSet ? t("globalKey.rotate") : t("globalKey.generate")}
          </Button>
        </Group>
      )}
      <Modal
        opened={rotate.data !== undefined}
        onClose={rotate.reset}
        title={t("globalKey.newTitle")}
        closeButtonProps={{ "aria-label": t("common:action.close") }}
        size="lg"
      >
        <Stack>
          <Alert color="orange">{t("globalKey.once")}</Alert>
          <Code block fz="sm" style={{ wordBreak: "break-all", whiteSpace: "pre-wrap" }}>
            {rotate.data?.key}
          </Code>
          <Text size="sm" c="dimmed">
            {t("globalKey.usage")}
          </Text>
          <Group justify="flex-end">
            <CopyButton full value={rotate.data?.key ?? ""} label={t("globalKey.copy")} />
            <Button onClick={rotate.reset}>{t("globalKey.done")}</Button>
          </Group>
        </Stack>
      </Modal>
    </Stack>
  );
}
