import { Box, Checkbox, Group, Switch, Table, Text } from "@mantine/core";
import type { Ref } from "react";
import { useTranslation } from "react-i18next";
import type { Key, KeyTest } from "@/api/types";
import { useFormat } from "@/ui/format";
import { StatusBadge, type Tone } from "@/ui/StatusBadge";
import { Countdown, RelativeTime } from "@/ui/time";
import { KeyMenu } from "./KeyMenu";
import type { KeyActions } from "./useKeyActions";
import { successRate } from "./view";

const TONES: Record<Key["status"], Tone> = {
  active: "good",
  unused: "info",
  cooling: "warning",
  disabled: "bad",
  unreadable: "bad",
  off: "idle",
};

interface Props {
  item: Key;
  index: number;
  selected: boolean;
  onSelect: () => void;
  actions: KeyActions;
  onEdit: () => void;
  ref: Ref<HTMLTableRowElement>;
}

export function KeyRow({ item, index, selected, onSelect, actions, onEdit, ref }: Props) {
  const { t } = useTranslation("keys");
  const format = useFormat();
  const { id, key, enabled, totalCalls, lastUsed, inFlight } = item;
  const name = item.name || key || t("unnamed");
  const rate = successRate(item);
  return (
    <Table.Tr
      ref={ref}
      data-index={index}
      aria-rowindex={index + 2}
      {...(selected ? { bg: "var(--mantine-primary-color-light)" } : {})}
    >
      <Table.Td>
        <Checkbox size="xs" aria-label={t("select", { name })} checked={selected} onChange={onSelect} />
      </Table.Td>
      <Table.Td>
        <Text size="sm" fw={550} {...(item.name || !key ? {} : { ff: "monospace" })}>
          {name}
        </Text>
        {(item.name || !key) && (
          <Text size="xs" c="dimmed" ff="monospace">
            {key || t("hidden")}
          </Text>
        )}
        {item.baseUrl && (
          <Text size="xs" c="dimmed" style={{ overflowWrap: "anywhere" }}>
            {item.baseUrl}
          </Text>
        )}
      </Table.Td>
      <Table.Td miw={116}>
        <Status item={item} test={actions.tests.get(id)} onCooled={actions.refresh} />
      </Table.Td>
      <Table.Td visibleFrom="sm">
        {format.compact(totalCalls)}
        {inFlight > 0 && (
          <Text size="xs" c="dimmed">
            {t("inFlight", { count: inFlight })}
          </Text>
        )}
      </Table.Td>
      <Table.Td visibleFrom="md">{rate === null ? "–" : format.percent(rate)}</Table.Td>
      <Table.Td visibleFrom="md">
        <RelativeTime time={lastUsed} />
      </Table.Td>
      <Table.Td>
        <Switch
          aria-label={t("use", { name })}
          checked={enabled}
          onChange={({ currentTarget: { checked } }) =>
            actions.act({ action: "update", id, keyItem: { enabled: checked } })
          }
        />
      </Table.Td>
      <Table.Td>
        <KeyMenu item={item} name={name} actions={actions} onEdit={onEdit} />
      </Table.Td>
    </Table.Tr>
  );
}

interface StatusProps {
  item: Key;
  test: KeyTest | undefined;
  /** The cooldown is over: the gateway knows what the key is now. */
  onCooled: () => void;
}

function Status({ item, test, onCooled }: StatusProps) {
  const { t } = useTranslation(["keys", "common"]);
  const format = useFormat();
  const { status, reason, cooldownUntil, lastError } = item;
  const why = reason && t(`common:outcome.${reason}`, { defaultValue: reason });
  return (
    <Box>
      <Group gap={6}>
        <StatusBadge tone={TONES[status]}>{t(`status.${status}`)}</StatusBadge>
        {status === "cooling" && cooldownUntil !== null && (
          <Text size="xs" c="dimmed">
            <Countdown until={cooldownUntil} onEnd={onCooled} />
          </Text>
        )}
      </Group>
      {why && (
        <Text size="xs" c="dimmed" mt={2} lineClamp={2} title={lastError ?? ""}>
          {why}
        </Text>
      )}
      {test && (
        <Text
          size="xs"
          c={test.ok ? "dimmed" : "red"}
          mt={2}
          lineClamp={2}
          title={test.message}
          role="status"
        >
          {t("tested", { verdict: t(`verdict.${test.verdict}`), duration: format.duration(test.durationMs) })}
        </Text>
      )}
    </Box>
  );
}
