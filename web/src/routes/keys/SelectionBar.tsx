import { Button, Group, Paper, Text } from "@mantine/core";
import { useTranslation } from "react-i18next";
import type { Key } from "@/api/types";
import { useConfirm } from "@/ui/confirm";
import type { KeyActions } from "./useKeyActions";

interface Props {
  chosen: Key[];
  actions: KeyActions;
  onDone: () => void;
}

/** What can be done with several keys at once. */
export function SelectionBar({ chosen, actions, onDone }: Props) {
  const { t } = useTranslation(["keys", "common"]);
  const confirm = useConfirm();
  const setEnabled = (enabled: boolean) => {
    for (const { id, enabled: now } of chosen) {
      if (now !== enabled) actions.act({ action: "update", id, keyItem: { enabled } });
    }
    onDone();
  };
  const remove = async () => {
    const question = {
      title: t("delete.title", { count: chosen.length, name: chosen[0]?.name || chosen[0]?.key }),
      body: t("delete.body"),
      confirm: t("common:action.delete"),
      danger: true,
    };
    if (!(await confirm(question))) return;
    actions.act({ action: "delete", ids: chosen.map(({ id }) => id) });
    onDone();
  };
  return (
    <Paper withBorder p="xs" pl="md" role="region" aria-label={t("selected", { count: chosen.length })}>
      <Group justify="space-between">
        <Text size="sm" fw={550} role="status">
          {t("selected", { count: chosen.length })}
        </Text>
        <Group gap="xs">
          <Button size="xs" variant="default" onClick={() => setEnabled(true)}>
            {t("enable")}
          </Button>
          <Button size="xs" variant="default" onClick={() => setEnabled(false)}>
            {t("disable")}
          </Button>
          <Button size="xs" color="red" variant="light" onClick={() => void remove()}>
            {t("common:action.delete")}
          </Button>
        </Group>
      </Group>
    </Paper>
  );
}
