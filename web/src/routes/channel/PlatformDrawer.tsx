import { Drawer, Tabs } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useSaveConfig } from "@/api/saveConfig";
import type { ConfigSnapshot, Provider } from "@/api/types";
import { useConfirm } from "@/ui/confirm";
import { SaveBar } from "@/ui/settings/SaveBar";
import { SettingRows } from "@/ui/settings/SettingRows";
import { useDraft } from "@/ui/settings/useDraft";
import { toPatch } from "@/ui/settings/values";
import { notifyDone, notifyError } from "@/ui/toast";
import { type DrawerTab, fallback, settingsOfTab, suggestions, tabsOf } from "./platformSettings";
import { SuggestControl } from "./SuggestControl";

interface Props {
  provider: Provider | undefined;
  config: ConfigSnapshot;
  onClose: () => void;
}

/** Everything that can be set about one platform. */
export default function PlatformDrawer({ provider, config, onClose }: Props) {
  return provider ? (
    <Opened key={provider.name} provider={provider} config={config} onClose={onClose} />
  ) : null;
}

function Opened({ provider, config, onClose }: Props & { provider: Provider }) {
  const { t } = useTranslation(["channel", "common"]);
  const tabs = tabsOf(provider);
  const [tab, setTab] = useState<DrawerTab>(tabs[0] ?? "general");
  const settings = config.settings.filter(({ path }) => path.startsWith(`providers.${provider.name}.`));
  const state = useDraft(settings);
  const saving = useSaveConfig({ quiet: true });
  const confirm = useConfirm();

  const save = () => {
    const saved = state.draft;
    saving.mutate(
      { patch: toPatch(settings, saved) },
      {
        onSuccess: () => {
          state.settle(saved);
          notifyDone(t("common:state.saved"));
        },
        onError: (error) => {
          const path = state.refuse(error);
          const part = path?.split(".")[2];
          if (path === null) notifyError(error);
          else setTab(tabs.find((each) => each === part) ?? "general");
        },
      },
    );
  };
  const close = async () => {
    const question = {
      title: t("drawer.leaveTitle"),
      body: t("drawer.leaveBody"),
      confirm: t("common:action.discard"),
      danger: true,
    };
    if (state.changed.length === 0 || (await confirm(question))) onClose();
  };

  return (
    <Drawer
      opened
      onClose={() => void close()}
      position="right"
      size={760}
      title={t("drawer.title", { name: provider.name })}
      closeButtonProps={{ "aria-label": t("common:action.close") }}
    >
      <Tabs value={tab} onChange={(next) => setTab(tabs.find((each) => each === next) ?? "general")}>
        <Tabs.List>
          {tabs.map((each) => (
            <Tabs.Tab key={each} value={each}>
              {each === "general" ? t("drawer.general") : t(`common:task.${each}`)}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        {tabs.map((each) => (
          <Tabs.Panel key={each} value={each}>
            <SettingRows
              settings={settingsOfTab(provider, settings, each)}
              state={state}
              control={(setting) => {
                if (each === "general") return undefined;
                const suggested = suggestions(provider, each, setting);
                if (!suggested) return undefined;
                return (
                  <SuggestControl
                    setting={setting}
                    state={state}
                    suggested={suggested}
                    fallback={fallback(provider, each, setting)}
                  />
                );
              }}
            />
          </Tabs.Panel>
        ))}
      </Tabs>
      <SaveBar
        count={state.changed.length}
        blocked={state.flawed}
        saving={saving.isPending}
        onDiscard={state.discard}
        onSave={save}
      />
    </Drawer>
  );
}
