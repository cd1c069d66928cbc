import { useTranslation } from "react-i18next";
import type { ConfigSnapshot } from "@/api/types";
import { Section } from "@/ui/Section";
import { SettingRows } from "@/ui/settings/SettingRows";
import type { DraftState } from "@/ui/settings/useDraft";
import { GlobalKey } from "./GlobalKey";
import { ModeHint } from "./ModeHint";
import { type SectionName, settingsOf } from "./sections";
import { TrialButton } from "./TrialButton";

interface Props {
  name: SectionName;
  config: ConfigSnapshot;
  state: DraftState;
}

/** Sections that can be tried out, and the call that does it. */
const TRIALS: Partial<Record<SectionName, string>> = {
  bucket: "/api/tools/test-storage",
  imageBed: "/api/tools/test-image-bed",
};

export function SettingSection({ name, config, state }: Props) {
  const { t } = useTranslation("setting");
  const settings = settingsOf(name, config.settings);
  if (settings.length === 0) return null;
  const trial = TRIALS[name];
  const unsaved = settings.some(({ path }) => state.draft[path] !== undefined);
  return (
    <Section
      title={t(`sections.${name}.title`)}
      description={t(`sections.${name}.description`)}
      actions={trial && <TrialButton call={trial} unsaved={unsaved} />}
    >
      {name === "modes" && <ModeHint config={config} draft={state.draft} />}
      <SettingRows
        settings={settings}
        state={state}
        control={(setting) =>
          setting.path === "system.globalAccessKey" ? (
            <GlobalKey setting={setting} state={state} />
          ) : undefined
        }
      />
    </Section>
  );
}
