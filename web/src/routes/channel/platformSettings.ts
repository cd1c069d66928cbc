import type { Provider, Setting, Task } from "@/api/types";

const TASKS: readonly Task[] = ["text", "edit", "blend"];
export type DrawerTab = Task | "general";

/** The parts of a platform's settings: its tasks, and what is of no task. */
export function tabsOf({ tasks }: Provider): DrawerTab[] {
  return [...TASKS.filter((task) => tasks[task] !== undefined), "general"];
}

/** What a task of a platform has no use for. */
function pointless({ supportsQuality, tasks }: Provider, task: Task, name: string): boolean {
  return (name === "quality" && !supportsQuality) || (name === "steps" && !tasks[task]?.takesSteps);
}

export function settingsOfTab(provider: Provider, settings: readonly Setting[], tab: DrawerTab): Setting[] {
  return settings.filter(({ path }) => {
    const [, , part = "", name] = path.split(".");
    // The switch on the card is for that.
    if (tab === "general") return name === undefined && part !== "enabled";
    return part === tab && name !== undefined && !pointless(provider, tab, name);
  });
}

/** What the platform is known to take for a setting; null: nothing to choose from. */
export function suggestions(provider: Provider, task: Task, { path }: Setting): string[] | null {
  const known = provider.tasks[task];
  if (path.endsWith(`.${task}.model`)) return known?.models ?? [];
  if (path.endsWith(`.${task}.size`)) return known?.sizes ?? [];
  return null;
}

/** What is used where nothing is set. */
export function fallback(provider: Provider, task: Task, { path }: Setting): string | null {
  const known = provider.tasks[task];
  return (path.endsWith(".model") ? known?.defaultModel : known?.defaultSize) ?? null;
}
