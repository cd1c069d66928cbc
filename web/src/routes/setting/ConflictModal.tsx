import { Button, Group, List, Modal, Stack, Text } from "@mantine/core";
import { useTranslation } from "react-i18next";
import type { Setting } from "@/api/types";
import { StatusBadge } from "@/ui/StatusBadge";
import { useSettingTexts } from "@/ui/settings/texts";

interface Props {
  opened: boolean;
  /** Paths that were changed here. */
  mine: string[];
  /** What was changed elsewhere meanwhile. */
  theirs: Setting[];
  saving: boolean;
  onKeepMine: () => void;
  onTakeTheirs: () => void;
  onClose: () => void;
}

/** Somebody else saved settings in between: what changed, and whose word is to hold. */
export function ConflictModal({ opened, mine, theirs, saving, onKeepMine, onTakeTheirs, onClose }: Props) {
  const { t } = useTranslation(["setting", "common"]);
  const texts = useSettingTexts();
  return (
    <Modal
      opened={opened}
      onClose={onClose}
      title={t("conflict.title")}
      closeButtonProps={{ "aria-label": t("common:action.close") }}
    >
      <Stack>
        <Text size="sm">{t("conflict.body")}</Text>
        {theirs.length > 0 && (
          <List size="sm" spacing={6}>
            {theirs.map((setting) => (
              <List.Item key={setting.path}>
                <Group gap="xs">
                  {texts(setting).label}
                  {mine.includes(setting.path) && (
                    <StatusBadge tone="warning">{t("conflict.both")}</StatusBadge>
                  )}
                </Group>
              </List.Item>
            ))}
          </List>
        )}
        <Group justify="flex-end">
          <Button variant="default" onClick={onTakeTheirs}>
            {t("conflict.takeTheirs")}
          </Button>
          <Button onClick={onKeepMine} loading={saving}>
            {t("conflict.keepMine")}
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}
