import type { ClientKey, ConfigSnapshot, NewClientKey } from "@/api/types";

/** What the form of a client key holds; empty text is "no bound". */
export interface ClientKeyValues {
  name: string;
  models: string[];
  requestsPerMinute: number | string;
  concurrentRequests: number | string;
  /** Local time, as the browser's field writes it: `2026-11-26T18:30`. */
  expires: string;
}

const two = (number: number) => String(number).padStart(2, "0");

function localTime(time: number): string {
  const at = new Date(time);
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return `${day}T${two(at.getHours())}:${two(at.getMinutes())}`;
}

export function valuesOf(key: ClientKey | null): ClientKeyValues {
  return {
    name: key?.name ?? "",
    models: key?.models ?? [],
    requestsPerMinute: key?.requestsPerMinute ?? "",
    concurrentRequests: key?.concurrentRequests ?? "",
    expires: key?.expires == null ? "" : localTime(key.expires),
  };
}

const bound = (value: number | string) => (value === "" ? null : Number(value));

/** What is sent, to make a key and to change one alike: `null` is "no bound". */
export function termsOf(values: ClientKeyValues): NewClientKey {
  const expires = Date.parse(values.expires);
  return {
    name: values.name.trim(),
    models: values.models,
    requestsPerMinute: bound(values.requestsPerMinute),
    concurrentRequests: bound(values.concurrentRequests),
    expires: Number.isNaN(expires) ? null : expires,
  };
}

/** Models that can be drawn with, each once: what callers may write. */
export function knownModels(config: ConfigSnapshot | undefined): string[] {
  const of = config?.providers.filter(({ enabled }) => enabled) ?? [];
  const all = of.flatMap(({ textModels, editModels, blendModels }) => [
    ...textModels,
    ...editModels,
    ...blendModels,
  ]);
  return ["auto", ...new Set(all)].filter((model, at, list) => list.indexOf(model) === at);
}
