import { Autocomplete } from "@mantine/core";
import { useTranslation } from "react-i18next";
import type { Setting } from "@/api/types";
import { useSettingTexts } from "@/ui/settings/texts";
import type { DraftState } from "@/ui/settings/useDraft";

interface Props {
  setting: Setting;
  state: DraftState;
  suggested: string[];
  /** What is used where nothing is set. */
  fallback: string | null;
}

/** A text with suggestions: platforms take more models than they list. */
export function SuggestControl({ setting, state, suggested, fallback }: Props) {
  const { t } = useTranslation();
  const texts = useSettingTexts();
  const draft = state.draft[setting.path];
  return (
    <Autocomplete
      id={setting.path}
      aria-label={texts(setting).label}
      disabled={setting.source === "env"}
      error={state.refusalOf(setting.path)}
      data={suggested}
      value={draft === null ? "" : (draft ?? setting.value)}
      onChange={(text) => state.change(setting, text === "" ? null : text)}
      placeholder={fallback ?? t("setting.notSet")}
      maxDropdownHeight={240}
    />
  );
}
