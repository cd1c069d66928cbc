/** Which models there are, and what each can do. */
import { queryOptions } from "@tanstack/react-query";
import { api } from "@/api/client";
import type { Provider, ProviderTask, Task } from "@/api/types";

export interface Model {
  id: string;
  owned_by: string;
  capabilities: { tasks: Task[]; sizes: string[]; max_n: number };
}

export const modelsQuery = queryOptions({
  queryKey: ["playground", "models"],
  queryFn: ({ signal }) =>
    api.get<{ data: Model[] }>("/api/playground/v1/models", {}, signal).then(({ data }) => data),
  staleTime: 60_000,
});

export const AUTO = "auto";

/** A model as it is asked for: `auto`, `model`, `Platform` or `Platform/model`. */
export function parseModel(asked: string, platforms: readonly string[]) {
  const slash = asked.indexOf("/");
  const head = slash < 0 ? asked : asked.slice(0, slash);
  const platform = platforms.find((name) => name.toLowerCase() === head.toLowerCase());
  if (platform !== undefined) return { platform, model: slash < 0 ? null : asked.slice(slash + 1) };
  // Model names have slashes too.
  return { platform: null, model: asked === AUTO || asked === "" ? null : asked };
}

export interface ModelGroup {
  /** A platform; null: the gateway chooses one. */
  platform: string | null;
  items: { value: string; label: string }[];
}

/** The models that can do a task: first those that leave the platform open, then platform by platform. */
export function modelGroups(
  models: readonly Model[],
  providers: readonly Provider[],
  task: Task,
): ModelGroup[] {
  // The gateway's own ids all leave the choice to it, and `auto` says so best.
  const able = models.filter(
    ({ id, owned_by, capabilities }) =>
      id !== AUTO && owned_by !== "img-router" && capabilities.tasks.includes(task),
  );
  const owners = new Map<string, Set<string>>();
  for (const { id, owned_by } of able) owners.set(id, (owners.get(id) ?? new Set()).add(owned_by));
  const names = providers.map(({ name }) => name);
  const open = [...owners].filter(([, by]) => by.size > 1 || ![...by].every((name) => names.includes(name)));
  const groups: ModelGroup[] = [
    {
      platform: null,
      items: [{ value: AUTO, label: AUTO }, ...open.map(([id]) => ({ value: id, label: id }))],
    },
  ];
  for (const platform of names) {
    const items = able
      .filter(({ owned_by }) => owned_by === platform)
      .map(({ id }) => ({ value: `${platform}/${id}`, label: id }));
    if (items.length > 0) groups.push({ platform, items });
  }
  return groups;
}

export interface Abilities {
  /** Whether anything can do the task with this model. */
  able: boolean;
  sizes: string[];
  maxN: number;
  maxInputs: number;
  seed: boolean;
  steps: boolean;
  negative: boolean;
  quality: boolean;
  mask: boolean;
}

const MOST = 16;

/** What can be asked of a model for a task: everything that one of the platforms it may go to takes. */
export function abilitiesOf(
  asked: string,
  task: Task,
  models: readonly Model[],
  providers: readonly Provider[],
): Abilities {
  const { platform, model } = parseModel(
    asked,
    providers.map(({ name }) => name),
  );
  const owners =
    model === null ? null : new Set(models.filter(({ id }) => id === model).map((each) => each.owned_by));
  const candidates = providers.filter(
    ({ name, enabled }) =>
      (platform === null ? enabled : name === platform) &&
      (owners === null || platform !== null || owners.has(name)),
  );
  const tasks = candidates.flatMap((provider): { provider: Provider; task: ProviderTask }[] => {
    const settings = provider.tasks[task];
    return settings ? [{ provider, task: settings }] : [];
  });
  const some = (test: (settings: ProviderTask) => boolean) => tasks.some((each) => test(each.task));
  const limits = models
    .filter(({ id, owned_by }) => id === model && (platform === null || owned_by === platform))
    .map(({ capabilities }) => capabilities.max_n);
  return {
    able: tasks.length > 0,
    sizes: [...new Set(tasks.flatMap((each) => each.task.sizes))],
    maxN: limits.length > 0 ? Math.max(...limits) : MOST,
    maxInputs: Math.max(0, ...tasks.map((each) => each.task.maxInputs)),
    seed: some(({ seed }) => seed),
    steps: some(({ takesSteps }) => takesSteps),
    negative: some(({ negativePrompt }) => negativePrompt),
    quality: tasks.some(({ provider }) => provider.supportsQuality),
    mask: some(({ mask }) => mask),
  };
}
