import { Stack } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import type { ReactElement } from "react";
import { useTranslation } from "react-i18next";
import { configQuery, optimizerQuery } from "@/api/queries";
import { useSaveConfig } from "@/api/saveConfig";
import type { ConfigSnapshot, PromptOptimizerConfig, Setting } from "@/api/types";
import { ErrorState } from "@/ui/ErrorState";
import { PageHeader } from "@/ui/PageHeader";
import { Section } from "@/ui/Section";
import { SaveBar } from "@/ui/settings/SaveBar";
import { SettingRows } from "@/ui/settings/SettingRows";
import { useDraft } from "@/ui/settings/useDraft";
import { toPatch } from "@/ui/settings/values";
import { FormSkeleton } from "@/ui/skeletons";
import { notifyDone, notifyError } from "@/ui/toast";
import { useLeaveGuard } from "@/ui/useLeaveGuard";
import { ModelField } from "./ModelField";
import { Overrides } from "./Overrides";
import { TemplateField } from "./TemplateField";
import { Trial } from "./Trial";

export default function OptimizerPage(): ReactElement {
  const { t } = useTranslation(["optimizer", "common"]);
  const config = useQuery(configQuery);
  const optimizer = useQuery(optimizerQuery);
  const failed = [config, optimizer].find(({ isError, data }) => isError && data === undefined);
  return (
    <>
      <PageHeader title={t("common:nav.optimizer")} description={t("description")} />
      {failed && <ErrorState error={failed.error} onRetry={() => void failed.refetch()} />}
      {config.data && optimizer.data ? (
        <Optimizer config={config.data} defaults={optimizer.data.defaults} />
      ) : (
        !failed && <FormSkeleton fields={5} />
      )}
    </>
  );
}

const SECTIONS = {
  service: ["baseUrl", "apiKey", "model"],
  translate: ["enableTranslate", "translatePrompt", "translateMaxLength"],
  expand: ["enableExpand", "expandPrompt", "expandMaxLength"],
  more: ["perPicture"],
} as const;
const NAMES = Object.keys(SECTIONS) as (keyof typeof SECTIONS)[];

const pathOf = (name: string) => `promptOptimizer.${name}`;

interface Props {
  config: ConfigSnapshot;
  defaults: PromptOptimizerConfig["defaults"];
}

function Optimizer({ config, defaults }: Props) {
  const { t } = useTranslation(["optimizer", "common"]);
  const client = useQueryClient();
  const state = useDraft(config.settings);
  const saving = useSaveConfig({ quiet: true });
  const dirty = state.changed.length > 0;
  useLeaveGuard(dirty);

  const settingsOf = (names: readonly string[]) =>
    names.flatMap((name) => config.settings.find(({ path }) => path === pathOf(name)) ?? []);
  const settingText = (name: string) => {
    const path = pathOf(name);
    const draft = state.draft[path];
    return draft === undefined
      ? (config.settings.find((each) => each.path === path)?.value ?? "")
      : (draft ?? "");
  };

  const control = (setting: Setting) => {
    if (setting.path === pathOf("model")) {
      const key = state.draft[pathOf("apiKey")];
      return (
        <ModelField
          setting={setting}
          state={state}
          baseUrl={settingText("baseUrl")}
          apiKey={key ?? undefined}
        />
      );
    }
    const template = (["translatePrompt", "expandPrompt"] as const).find(
      (name) => setting.path === pathOf(name),
    );
    return template && <TemplateField setting={setting} state={state} builtIn={defaults[template]} />;
  };

  const save = () =>
    saving.mutate(
      { patch: toPatch(config.settings, state.draft), etag: config.etag },
      {
        onSuccess: () => {
          state.discard();
          notifyDone(t("common:state.saved"));
          void client.invalidateQueries({ queryKey: optimizerQuery.queryKey });
        },
        onError: (error) => {
          const path = state.refuse(error);
          if (path === null) notifyError(error);
          else document.getElementById(path)?.focus();
        },
      },
    );

  return (
    <>
      <Stack>
        {NAMES.map((name) => (
          <Section
            key={name}
            title={t(`sections.${name}.title`)}
            description={t(`sections.${name}.description`)}
          >
            <SettingRows settings={settingsOf(SECTIONS[name])} state={state} control={control} />
          </Section>
        ))}
        <Trial unsaved={dirty} configured={settingText("baseUrl") !== "" && settingText("model") !== ""} />
        <Overrides config={config} />
      </Stack>
      <SaveBar
        count={state.changed.length}
        blocked={state.flawed}
        saving={saving.isPending}
        onSave={save}
        onDiscard={state.discard}
      />
    </>
  );
}
