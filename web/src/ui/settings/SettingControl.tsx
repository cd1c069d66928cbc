import {
  Button,
  Group,
  NumberInput,
  PasswordInput,
  SegmentedControl,
  Select,
  Switch,
  TagsInput,
  TextInput,
} from "@mantine/core";
import { useTranslation } from "react-i18next";
import type { Setting } from "@/api/types";
import { useUnitName } from "./units";
import { entries, isList } from "./values";

export interface ControlProps {
  setting: Setting;
  /** Changed and not saved; undefined: not changed; null: back to the default. */
  draft: string | null | undefined;
  onChange: (text: string | null) => void;
  label: string;
  error: string | null;
  disabled: boolean;
  describedBy: string;
}

/** Up to this many choices are shown side by side. */
const FEW = 3;

/** The value that the control shows. */
function shown({ setting, draft }: Pick<ControlProps, "setting" | "draft">): string {
  if (draft === null) return setting.default ?? "";
  return draft ?? setting.value;
}

/** The control that fits the kind of a setting. Its label stands beside it, outside. */
export function SettingControl(props: ControlProps) {
  const { setting, draft, onChange, label, error, disabled, describedBy } = props;
  const { t } = useTranslation();
  const unitName = useUnitName();
  const value = shown(props);
  const common = {
    id: setting.path,
    "aria-label": label,
    "aria-describedby": describedBy,
    disabled,
    error,
  };
  const placeholder = setting.default ?? "";

  if (setting.secret) return <SecretControl {...props} />;
  if (setting.kind === "bool" && setting.default !== null) {
    return (
      <Switch
        {...common}
        size="md"
        checked={value === "true"}
        onChange={(event) => onChange(String(event.currentTarget.checked))}
      />
    );
  }
  if (setting.kind === "bool" || (setting.kind === "choice" && setting.choices.length <= FEW)) {
    const choices = setting.kind === "bool" ? ["true", "false"] : setting.choices;
    const words: Record<string, string> = { true: t("state.on"), false: t("state.off") };
    const unset = setting.default === null ? [{ value: "", label: t("setting.automatic") }] : [];
    return (
      <SegmentedControl
        id={setting.path}
        aria-label={label}
        aria-describedby={describedBy}
        disabled={disabled}
        value={value}
        onChange={(next) => onChange(next === "" ? null : next)}
        data={[...unset, ...choices.map((choice) => ({ value: choice, label: words[choice] ?? choice }))]}
      />
    );
  }
  if (setting.kind === "choice") {
    return (
      <Select
        {...common}
        data={setting.choices}
        value={value}
        onChange={onChange}
        placeholder={placeholder}
      />
    );
  }
  if (setting.kind === "int" || setting.kind === "number") {
    return (
      <NumberInput
        {...common}
        value={value === "" ? "" : Number(value)}
        onChange={(next) => onChange(next === "" ? null : String(next))}
        allowDecimal={setting.kind === "number"}
        allowNegative={false}
        clampBehavior="none"
        placeholder={placeholder || t("setting.notSet")}
        thousandSeparator={setting.unit === null ? "" : ","}
        suffix={setting.unit === null ? "" : ` ${unitName(setting.unit)}`}
        max={Number.MAX_SAFE_INTEGER}
        min={0}
      />
    );
  }
  if (isList(setting.kind) || setting.kind === "models") {
    return (
      <TagsInput
        {...common}
        value={entries(value)}
        onChange={(list) => onChange(list.length === 0 ? null : list.join(", "))}
        splitChars={[",", "，", " "]}
        placeholder={value ? "" : t(`setting.example.${setting.kind as "hosts" | "models"}`)}
        acceptValueOnBlur
      />
    );
  }
  return (
    <TextInput
      {...common}
      value={value}
      onChange={(event) =>
        onChange(event.currentTarget.value === "" && draft !== undefined ? null : event.currentTarget.value)
      }
      placeholder={placeholder || t("setting.notSet")}
      autoComplete="off"
      spellCheck={false}
    />
  );
}

/** A secret can be replaced or removed; it is never shown. */
function SecretControl({ setting, draft, onChange, label, error, disabled, describedBy }: ControlProps) {
  const { t } = useTranslation();
  const removed = draft === null;
  return (
    <Group gap="xs" wrap="nowrap" align="flex-start">
      <PasswordInput
        id={setting.path}
        aria-label={label}
        aria-describedby={describedBy}
        flex={1}
        miw={0}
        disabled={disabled}
        error={error}
        value={draft ?? ""}
        onChange={(event) => onChange(event.currentTarget.value || setting.value)}
        placeholder={
          removed ? t("setting.willBeRemoved") : setting.isSet ? t("setting.stored") : t("setting.notSet")
        }
        autoComplete="new-password"
      />
      {setting.isSet && !disabled && (
        <Button variant="default" onClick={() => onChange(removed ? setting.value : null)}>
          {removed ? t("action.undo") : t("action.remove")}
        </Button>
      )}
    </Group>
  );
}
