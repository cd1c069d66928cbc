import { ActionIcon, Menu } from "@mantine/core";
import {
  IconDots,
  IconHeartbeat,
  IconListSearch,
  IconPencil,
  IconRestore,
  IconTrash,
} from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import type { Key } from "@/api/types";
import { useConfirm } from "@/ui/confirm";
import { MenuLink } from "@/ui/MenuLink";
import type { KeyActions } from "./useKeyActions";

interface Props {
  item: Key;
  name: string;
  actions: KeyActions;
  onEdit: () => void;
}

export function KeyMenu({ item: { id, status }, name, actions, onEdit }: Props) {
  const { t } = useTranslation(["keys", "common"]);
  const confirm = useConfirm();
  const stuck = status === "cooling" || status === "disabled";
  const remove = async () => {
    const question = {
      title: t("delete.title", { count: 1, name }),
      body: t("delete.body"),
      confirm: t("common:action.delete"),
      danger: true,
    };
    if (await confirm(question)) actions.act({ action: "delete", ids: [id] });
  };
  return (
    <Menu position="bottom-end" width={210}>
      <Menu.Target>
        <ActionIcon
          variant="subtle"
          color="gray"
          loading={actions.testing === id}
          aria-label={t("actionsOf", { name })}
        >
          <IconDots size={18} aria-hidden />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item leftSection={<IconHeartbeat size={16} aria-hidden />} onClick={() => actions.test(id)}>
          {t("common:action.test")}
        </Menu.Item>
        {stuck && (
          <Menu.Item
            leftSection={<IconRestore size={16} aria-hidden />}
            onClick={() => actions.act({ action: "reset", id })}
          >
            {status === "cooling" ? t("endCooldown") : t("useAgain")}
          </Menu.Item>
        )}
        <Menu.Item leftSection={<IconPencil size={16} aria-hidden />} onClick={onEdit}>
          {t("edit.open")}
        </Menu.Item>
        <MenuLink to="/requests" search={{ key: id }} leftSection={<IconListSearch size={16} aria-hidden />}>
          {t("requestsOf")}
        </MenuLink>
        <Menu.Divider />
        <Menu.Item
          color="red"
          leftSection={<IconTrash size={16} aria-hidden />}
          onClick={() => void remove()}
        >
          {t("common:action.delete")}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
