import { Button, Group, Paper, Text, Transition } from "@mantine/core";
import { useTranslation } from "react-i18next";
import classes from "./Settings.module.css";

interface Props {
  count: number;
  /** Something is plainly wrong: saving would be refused. */
  blocked: boolean;
  saving: boolean;
  onSave: () => void;
  onDiscard: () => void;
}

/** Comes up from below as soon as something is unsaved. */
export function SaveBar({ count, blocked, saving, onSave, onDiscard }: Props) {
  const { t } = useTranslation();
  return (
    <Transition mounted={count > 0} transition="slide-up">
      {(styles) => (
        <Paper
          withBorder
          shadow="md"
          p="sm"
          className={classes.saveBar ?? ""}
          style={styles}
          role="region"
          aria-label={t("setting.unsaved", { count })}
        >
          <Group justify="space-between" gap="sm">
            <Text size="sm" fw={550} role="status">
              {t("setting.unsaved", { count })}
            </Text>
            <Group gap="xs">
              <Button variant="default" onClick={onDiscard} disabled={saving}>
                {t("action.discard")}
              </Button>
              <Button onClick={onSave} loading={saving} disabled={blocked}>
                {t("action.save")}
              </Button>
            </Group>
          </Group>
        </Paper>
      )}
    </Transition>
  );
}
