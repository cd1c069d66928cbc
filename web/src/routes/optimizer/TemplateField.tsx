import { Badge, Group, Textarea } from "@mantine/core";
import { useTranslation } from "react-i18next";
import type { Setting } from "@/api/types";
import { useFormat } from "@/ui/format";
import { useSettingTexts } from "@/ui/settings/texts";
import type { DraftState } from "@/ui/settings/useDraft";
import { flawOf } from "@/ui/settings/values";

interface Props {
  setting: Setting;
  state: DraftState;
  /** What holds while nothing else is set; the row's reset brings it back. */
  builtIn: string;
}

/** An instruction: the built-in text, until it is changed. */
export function TemplateField({ setting, state, builtIn }: Props) {
  const { t } = useTranslation(["optimizer", "common"]);
  const format = useFormat();
  const { label } = useSettingTexts()(setting);
  const draft = state.draft[setting.path];
  const text = (draft === undefined ? setting.value : draft) || builtIn;
  const tooLong =
    flawOf(setting, text) === "tooLong" && t("common:setting.flaw.tooLong", { max: setting.max });
  return (
    <>
      <Textarea
        id={setting.path}
        aria-label={label}
        autosize
        minRows={4}
        maxRows={16}
        value={text}
        disabled={setting.source === "env"}
        error={state.refusalOf(setting.path) ?? tooLong}
        onChange={(event) => {
          const next = event.currentTarget.value;
          state.change(setting, next === builtIn || next === "" ? null : next);
        }}
      />
      <Group gap={8} mt={6} fz="xs" c="dimmed">
        {text === builtIn && (
          <Badge size="sm" variant="light" color="gray" tt="none">
            {t("template.builtIn")}
          </Badge>
        )}
        <span>{t("template.length", { count: text.length, shown: format.number(text.length) })}</span>
      </Group>
    </>
  );
}
