import { ActionIcon, Group, Menu, Switch, Table, Text } from "@mantine/core";
import { IconDots, IconListSearch, IconPencil, IconTrash } from "@tabler/icons-react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { api } from "@/api/client";
import { clientKeysQuery } from "@/api/queries";
import type { ClientKey } from "@/api/types";
import { useConfirm } from "@/ui/confirm";
import { useFormat } from "@/ui/format";
import { MenuLink } from "@/ui/MenuLink";
import { StatusBadge, type Tone } from "@/ui/StatusBadge";
import { RelativeTime } from "@/ui/time";
import classes from "./Clients.module.css";

const TONES: Record<ClientKey["status"], Tone> = { active: "good", expired: "bad", disabled: "idle" };

interface Props {
  keys: ClientKey[];
  onEdit: (key: ClientKey) => void;
}

export function ClientKeyTable({ keys, onEdit }: Props) {
  const { t } = useTranslation("setting");
  return (
    <Table stickyHeader horizontalSpacing="md" verticalSpacing="xs">
      <Table.Thead>
        <Table.Tr>
          <Table.Th>{t("clients.column.name")}</Table.Th>
          <Table.Th>{t("clients.column.status")}</Table.Th>
          <Table.Th visibleFrom="sm">{t("clients.column.bounds")}</Table.Th>
          <Table.Th visibleFrom="md">{t("clients.column.use")}</Table.Th>
          <Table.Th visibleFrom="md">{t("clients.column.lastUsed")}</Table.Th>
          <Table.Th>{t("clients.column.on")}</Table.Th>
          <Table.Th w={48}>
            <span className={classes.hidden}>{t("clients.column.actions")}</span>
          </Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {keys.map((key) => (
          <Row key={key.id} item={key} onEdit={() => onEdit(key)} />
        ))}
      </Table.Tbody>
    </Table>
  );
}

function Row({ item, onEdit }: { item: ClientKey; onEdit: () => void }) {
  const { t } = useTranslation("setting");
  const format = useFormat();
  const client = useQueryClient();
  const { id, name, hint, status, enabled, lastUsed, requests, pictures, inFlight } = item;
  const settled = () => client.invalidateQueries({ queryKey: clientKeysQuery.queryKey });
  const turn = useMutation({
    mutationFn: (on: boolean) => api.patch<ClientKey>(`/api/client-keys/${id}`, { enabled: on }),
    onMutate: (on) =>
      client.setQueryData(clientKeysQuery.queryKey, (keys) =>
        keys?.map((each) => (each.id === id ? { ...each, enabled: on } : each)),
      ),
    onSettled: settled,
  });
  return (
    <Table.Tr>
      <Table.Td maw={220}>
        <Text size="sm" fw={550} style={{ overflowWrap: "anywhere" }} lineClamp={2} title={name}>
          {name}
        </Text>
        <Text size="xs" c="dimmed" ff="monospace">
          {hint}
        </Text>
      </Table.Td>
      <Table.Td miw={108}>
        <StatusBadge tone={TONES[status]}>{t(`clients.status.${status}`)}</StatusBadge>
      </Table.Td>
      <Table.Td maw={220} visibleFrom="sm">
        <Bounds item={item} />
      </Table.Td>
      <Table.Td visibleFrom="md">
        <Text size="sm">{t("clients.requests", { count: requests, number: format.compact(requests) })}</Text>
        <Text size="xs" c="dimmed">
          {inFlight > 0
            ? t("clients.inFlight", { count: inFlight })
            : t("clients.pictures", { count: pictures, number: format.compact(pictures) })}
        </Text>
      </Table.Td>
      <Table.Td visibleFrom="md">
        <RelativeTime time={lastUsed} />
      </Table.Td>
      <Table.Td>
        <Switch
          aria-label={t("clients.use", { name })}
          checked={enabled}
          onChange={({ currentTarget: { checked } }) => turn.mutate(checked)}
        />
      </Table.Td>
      <Table.Td>
        <Actions item={item} onEdit={onEdit} onSettled={settled} />
      </Table.Td>
    </Table.Tr>
  );
}

/** What a key is held to, a line each. */
function Bounds({ item }: { item: ClientKey }) {
  const { t } = useTranslation("setting");
  const format = useFormat();
  const { models, expires, requestsPerMinute, concurrentRequests } = item;
  const lines = [
    models.length > 0 && models.join(", "),
    requestsPerMinute !== null && t("clients.perMinute", { count: requestsPerMinute }),
    concurrentRequests !== null && t("clients.atOnce", { count: concurrentRequests }),
    expires !== null && t("clients.until", { time: format.dateTime(expires) }),
  ].filter((line) => line !== false);
  if (lines.length === 0) return <Text size="sm">{t("clients.unbounded")}</Text>;
  return (
    <>
      {lines.map((line) => (
        <Text key={line} size="xs" style={{ overflowWrap: "anywhere" }} lineClamp={2} title={line}>
          {line}
        </Text>
      ))}
    </>
  );
}

interface ActionsProps {
  item: ClientKey;
  onEdit: () => void;
  onSettled: () => Promise<void>;
}

function Actions({ item: { id, name }, onEdit, onSettled }: ActionsProps) {
  const { t } = useTranslation(["setting", "common"]);
  const confirm = useConfirm();
  const remove = useMutation({
    mutationFn: () => api.delete(`/api/client-keys/${id}`),
    onSettled,
  });
  const ask = async () => {
    const question = {
      title: t("clients.delete.title", { name }),
      body: t("clients.delete.body"),
      confirm: t("common:action.delete"),
      danger: true,
    };
    if (await confirm(question)) remove.mutate();
  };
  return (
    <Group justify="flex-end">
      <Menu position="bottom-end" width={200}>
        <Menu.Target>
          <ActionIcon
            variant="subtle"
            color="gray"
            loading={remove.isPending}
            aria-label={t("clients.actionsOf", { name })}
          >
            <IconDots size={18} aria-hidden />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item leftSection={<IconPencil size={16} aria-hidden />} onClick={onEdit}>
            {t("clients.edit")}
          </Menu.Item>
          <MenuLink
            to="/requests"
            search={{ client: `key:${id}` }}
            leftSection={<IconListSearch size={16} aria-hidden />}
          >
            {t("clients.requestsOf")}
          </MenuLink>
          <Menu.Divider />
          <Menu.Item color="red" leftSection={<IconTrash size={16} aria-hidden />} onClick={() => void ask()}>
            {t("common:action.delete")}
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
    </Group>
  );
}
