/** Reads filters from the search parameters of a page, leaving out what is not understood. */
import type { GalleryFilter, RequestFilter } from "./queries";
import type { Task, Window } from "./types";

type Search = Record<string, unknown>;

const TASKS: readonly Task[] = ["text", "edit", "blend"];
export const WINDOWS: readonly Window[] = ["1h", "6h", "24h", "7d", "30d", "90d"];

function text(value: unknown): string | undefined {
  // The router reads `q=42` as a number.
  if (typeof value === "number") return String(value);
  return typeof value === "string" && value !== "" ? value : undefined;
}

function time(value: unknown): number | undefined {
  return typeof value === "number" && Number.isFinite(value) ? value : undefined;
}

export function oneOf<T extends string>(value: unknown, choices: readonly T[]): T | undefined {
  return choices.find((choice) => choice === value);
}

/** Without the members that are not set, so that they do not show in the address. */
export function compact<T extends object>(search: { [K in keyof T]: T[K] | undefined }): T {
  return Object.fromEntries(Object.entries(search).filter(([, value]) => value !== undefined)) as T;
}

export function requestSearch(search: Search): RequestFilter {
  return compact<RequestFilter>({
    status: oneOf(search.status, ["ok", "failed"]),
    provider: text(search.provider),
    model: text(search.model),
    key: text(search.key),
    client: text(search.client),
    task: oneOf(search.task, TASKS),
    q: text(search.q),
    from: time(search.from),
    to: time(search.to),
  });
}

export function gallerySearch(search: Search): GalleryFilter {
  return compact<GalleryFilter>({
    q: text(search.q),
    model: text(search.model),
    provider: text(search.provider),
    task: oneOf(search.task, TASKS),
    from: time(search.from),
    to: time(search.to),
    favorite: search.favorite === 1 ? 1 : undefined,
  });
}
