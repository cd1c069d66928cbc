import type { Key } from "@/api/types";
import type { KeysSearch, Sort } from "./search";

/** The part of a key's calls that succeeded; null before the first. */
export function successRate({ totalCalls, successCount }: Key): number | null {
  return totalCalls === 0 ? null : successCount / totalCalls;
}

/** What needs looking at comes first. */
const URGENCY: readonly Key["status"][] = ["unreadable", "disabled", "cooling", "active", "unused", "off"];

const COMPARE: Record<Sort, (one: Key, other: Key) => number> = {
  name: (one, other) => one.name.localeCompare(other.name),
  status: (one, other) => URGENCY.indexOf(one.status) - URGENCY.indexOf(other.status),
  totalCalls: (one, other) => one.totalCalls - other.totalCalls,
  successRate: (one, other) => (successRate(one) ?? -1) - (successRate(other) ?? -1),
  lastUsed: (one, other) => (one.lastUsed ?? 0) - (other.lastUsed ?? 0),
  addedAt: (one, other) => one.addedAt - other.addedAt,
};

function matches({ name, key, baseUrl, models }: Key, text: string): boolean {
  return [name, key, baseUrl ?? "", ...models].some((part) => part.toLowerCase().includes(text));
}

/** The keys that a search asks for, in its order; newest first without one. */
export function viewOf(pool: readonly Key[], { q = "", status, sort, desc = false }: KeysSearch): Key[] {
  const text = q.trim().toLowerCase();
  const found = pool.filter((key) => (!status || key.status === status) && (!text || matches(key, text)));
  const compare = COMPARE[sort ?? "addedAt"];
  const direction = (sort ? desc : true) ? -1 : 1;
  return found.sort((one, other) => direction * compare(one, other) || one.id.localeCompare(other.id));
}

/** What a click on a column's head leads to: rising, falling, and back to the usual order. */
export function nextSort({ sort, desc }: KeysSearch, column: Sort): Pick<KeysSearch, "sort" | "desc"> {
  if (sort !== column) return { sort: column };
  return desc ? {} : { sort: column, desc: true };
}
