import type { ReactNode } from "react";
import type { Setting } from "@/api/types";
import { SettingRow } from "./SettingRow";
import type { DraftState } from "./useDraft";

interface Props {
  settings: readonly Setting[];
  state: DraftState;
  /** Controls of its own for some settings. */
  control?: (setting: Setting) => ReactNode;
}

export function SettingRows({ settings, state, control }: Props) {
  return settings.map((setting) => (
    <SettingRow
      key={setting.path}
      setting={setting}
      draft={state.draft[setting.path]}
      onChange={(text) => state.change(setting, text)}
      refusal={state.refusalOf(setting.path)}
    >
      {control?.(setting)}
    </SettingRow>
  ));
}
