import { compact, oneOf } from "@/api/search";
import type { Key } from "@/api/types";

export const STATUSES: readonly Key["status"][] = [
  "active",
  "cooling",
  "disabled",
  "off",
  "unused",
  "unreadable",
];
export const SORTS = ["name", "status", "totalCalls", "successRate", "lastUsed", "addedAt"] as const;
export type Sort = (typeof SORTS)[number];

export interface KeysSearch {
  provider?: string;
  status?: Key["status"];
  q?: string;
  sort?: Sort;
  desc?: boolean;
}

export function keysSearch(search: Record<string, unknown>): KeysSearch {
  return compact<KeysSearch>({
    provider: typeof search.provider === "string" ? search.provider : undefined,
    status: oneOf(search.status, STATUSES),
    q: search.q === undefined || search.q === "" ? undefined : String(search.q),
    sort: oneOf(search.sort, SORTS),
    desc: typeof search.desc === "boolean" ? search.desc : undefined,
  });
}
