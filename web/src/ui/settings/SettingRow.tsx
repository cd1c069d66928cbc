import { Badge, Box, Button, Code, Group, Text } from "@mantine/core";
import { IconArrowBackUp, IconLock } from "@tabler/icons-react";
import { type ReactNode, useId } from "react";
import { useTranslation } from "react-i18next";
import type { Setting } from "@/api/types";
import { useFormat } from "../format";
import { SettingControl } from "./SettingControl";
import classes from "./Settings.module.css";
import { useSettingTexts } from "./texts";
import { useUnitName } from "./units";
import { flawOf } from "./values";

export interface RowProps {
  setting: Setting;
  draft: string | null | undefined;
  onChange: (text: string | null) => void;
  /** What the server said about the value. */
  refusal?: string | null;
  /** In the place of the control that its kind would get. */
  children?: ReactNode;
}

/** One setting: its name, what it is for, its control, its default and range, and who decides it. */
export function SettingRow({ setting, draft, onChange, refusal, children }: RowProps) {
  const { t } = useTranslation();
  const texts = useSettingTexts();
  const helpId = useId();
  const { label, help } = texts(setting);
  const fixed = setting.source === "env";
  const flaw = draft === undefined ? null : flawOf(setting, draft);
  const error = refusal ?? (flaw ? t(`setting.flaw.${flaw}`, { min: setting.min, max: setting.max }) : null);
  const resettable =
    !fixed && !setting.secret && (draft === undefined ? setting.source === "runtime" : draft !== null);

  return (
    <div className={classes.row} data-changed={draft !== undefined || undefined}>
      <Box miw={0}>
        <Group gap={8}>
          <Text component="label" htmlFor={setting.path} size="sm" fw={550}>
            {label}
          </Text>
          {draft !== undefined && (
            <Badge size="sm" variant="light" tt="none">
              {t("setting.changed")}
            </Badge>
          )}
        </Group>
        <Text size="sm" c="dimmed" id={helpId}>
          {help}
        </Text>
      </Box>
      <Box miw={0}>
        {children ?? (
          <SettingControl
            setting={setting}
            draft={draft}
            onChange={onChange}
            label={label}
            error={error}
            disabled={fixed}
            describedBy={helpId}
          />
        )}
        <Group gap={8} mt={6} mih={20} justify="space-between" wrap="nowrap" align="flex-start">
          <Facts setting={setting} draft={draft} />
          {resettable && (
            <Button
              size="compact-xs"
              variant="subtle"
              color="gray"
              style={{ flex: "none" }}
              leftSection={<IconArrowBackUp size={13} aria-hidden />}
              onClick={() => onChange(null)}
              aria-label={t("setting.resetOf", { label })}
            >
              {t("action.reset")}
            </Button>
          )}
        </Group>
      </Box>
    </div>
  );
}

/** Default, range and environment variable, in small print. */
function Facts({ setting, draft }: Pick<RowProps, "setting" | "draft">) {
  const { t } = useTranslation();
  if (setting.source === "env") {
    return (
      <Group gap={6} wrap="nowrap">
        <IconLock size={14} aria-hidden style={{ flex: "none" }} />
        <Text size="xs">
          {t("setting.fixedBy")} <Code fz="xs">{setting.env}</Code>
        </Text>
      </Group>
    );
  }
  return (
    <Text size="xs" c="dimmed" className={classes.facts ?? ""}>
      <Range setting={setting} draft={draft} />
      <span>
        <Code fz="xs" className={classes.env ?? ""}>
          {setting.env}
        </Code>
      </span>
    </Text>
  );
}

function Range({ setting, draft }: Pick<RowProps, "setting" | "draft">) {
  const { t } = useTranslation();
  const format = useFormat();
  const unitName = useUnitName();
  const { kind, unit, min, max } = setting;
  const words: Record<string, string> = { true: t("state.on"), false: t("state.off") };
  const numeric = kind === "int" || kind === "number";
  const amount = (text: string) => {
    if (!numeric) return words[text] ?? text;
    const value = Number(text);
    if (unit === "bytes") return format.bytes(value);
    if (unit === "s") return format.duration(value * 1_000);
    if (unit === "ms") return format.duration(value);
    const written = unit === null ? String(value) : format.number(value, 2);
    return unit === null ? written : `${written} ${unitName(unit)}`;
  };
  const present = draft ?? setting.value;
  const scaled = unit === "bytes" || unit === "s" || unit === "ms";
  const rounded = numeric && scaled && present !== "" && present !== "0";
  return (
    <>
      {rounded && <span>= {amount(present)}</span>}
      {setting.default !== null && <span>{t("setting.default", { value: amount(setting.default) })}</span>}
      {numeric && min !== null && max !== null && (
        <span>
          {t("setting.range", {
            min: scaled || unit === null ? amount(String(min)) : format.number(min, 2),
            max: amount(String(max)),
          })}
        </span>
      )}
    </>
  );
}
