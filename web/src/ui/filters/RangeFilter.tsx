import { Button, Group, Popover, Stack, TextInput } from "@mantine/core";
import { IconCalendar } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { fromField, type Granularity, type TimeRange, toField } from "./range";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const PRESETS = {
  day: [
    ["24h", DAY],
    ["7d", 7 * DAY],
    ["30d", 30 * DAY],
  ],
  minute: [
    ["1h", HOUR],
    ["24h", DAY],
    ["7d", 7 * DAY],
    ["30d", 30 * DAY],
  ],
} as const;

interface Props {
  value: TimeRange;
  onChange: (range: TimeRange) => void;
  granularity: Granularity;
  /** The first day that there is anything of: `2026-11-26`. */
  min?: string | undefined;
}

/** From when to when: something recent at a click, or two dates. */
export function RangeFilter({ value, onChange, granularity, min }: Props) {
  const { t, i18n } = useTranslation("lists");
  const { from, to } = value;
  const written = new Intl.DateTimeFormat(i18n.language, {
    month: "short",
    day: "numeric",
    ...(granularity === "minute" ? { hour: "2-digit", minute: "2-digit" } : {}),
  });
  const label = () => {
    if (from !== undefined && to !== undefined) return written.formatRange(from, Math.max(from, to));
    if (from !== undefined) return t("range.since", { date: written.format(from) });
    if (to !== undefined) return t("range.until", { date: written.format(to) });
    return t("range.any");
  };
  const type = granularity === "day" ? "date" : "datetime-local";
  const lowest = min === undefined ? {} : { min: granularity === "day" ? min : `${min}T00:00` };

  return (
    <Popover position="bottom-end" shadow="md" trapFocus withArrow>
      <Popover.Target>
        <Button
          variant="default"
          fw={400}
          justify="flex-start"
          leftSection={<IconCalendar size={16} aria-hidden />}
          {...(from === undefined && to === undefined ? { c: "dimmed" } : {})}
        >
          {label()}
        </Button>
      </Popover.Target>
      <Popover.Dropdown aria-label={t("range.label")}>
        <Stack gap="sm" w={250}>
          <Group gap={6} grow>
            {PRESETS[granularity].map(([name, length]) => (
              <Button
                key={name}
                size="compact-sm"
                variant="light"
                onClick={() => onChange({ from: Date.now() - length })}
              >
                {t(`range.${name}`)}
              </Button>
            ))}
          </Group>
          <TextInput
            type={type}
            label={t("range.from")}
            {...lowest}
            max={toField(to ?? Date.now(), granularity)}
            value={toField(from, granularity)}
            onChange={(event) =>
              onChange({ ...value, from: fromField(event.currentTarget.value, granularity) })
            }
          />
          <TextInput
            type={type}
            label={t("range.to")}
            {...(from === undefined ? lowest : { min: toField(from, granularity) })}
            value={toField(to, granularity)}
            onChange={(event) =>
              onChange({ ...value, to: fromField(event.currentTarget.value, granularity, "end") })
            }
          />
          <Button
            variant="default"
            size="xs"
            disabled={from === undefined && to === undefined}
            onClick={() => onChange({})}
          >
            {t("range.any")}
          </Button>
        </Stack>
      </Popover.Dropdown>
    </Popover>
  );
}
