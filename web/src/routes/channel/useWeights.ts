import { useTranslation } from "react-i18next";
import { useSaveConfig } from "@/api/saveConfig";
import type { ConfigPatch, ConfigSnapshot, Task } from "@/api/types";
import { notifyUndo } from "@/ui/toast";
import type { Weights } from "./cascade/order";

function preview(config: ConfigSnapshot, task: Task, weights: Weights): ConfigSnapshot {
  const providers = config.providers.map((provider) => {
    const weight = weights[provider.name];
    const settings = provider.tasks[task];
    if (weight === undefined || !settings) return provider;
    return { ...provider, tasks: { ...provider.tasks, [task]: { ...settings, weight } } };
  });
  return { ...config, providers };
}

function patchOf(task: Task, weights: Weights): ConfigPatch {
  const providers = Object.entries(weights).map(([name, weight]) => [name, { [task]: { weight } }]);
  return { providers: Object.fromEntries(providers) };
}

/** Changes weights at once, with a way back. */
export function useWeights(config: ConfigSnapshot, task: Task) {
  const { t } = useTranslation("channel");
  const save = useSaveConfig();
  const fixed = (name: string) =>
    config.settings.find(({ path }) => path === `providers.${name}.${task}.weight`)?.source === "env";

  const apply = (weights: Weights) =>
    save.mutateAsync({ patch: patchOf(task, weights), preview: (now) => preview(now, task, weights) });

  const change = async (wanted: Weights) => {
    const weights = Object.fromEntries(Object.entries(wanted).filter(([name]) => !fixed(name)));
    const names = Object.keys(weights);
    if (names.length === 0) return;
    const before = Object.fromEntries(
      config.providers.flatMap(({ name, tasks }) =>
        names.includes(name) ? [[name, tasks[task]?.weight ?? 0]] : [],
      ),
    );
    await apply(weights);
    notifyUndo({ message: t("cascade.saved"), onUndo: () => void apply(before).catch(() => undefined) });
  };

  return {
    fixed,
    // The failure is shown where all failures of changes are.
    change: (wanted: Weights) => void change(wanted).catch(() => undefined),
  };
}
