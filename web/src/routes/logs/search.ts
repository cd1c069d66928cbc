import { compact, oneOf } from "@/api/search";
import type { LogLevel } from "@/api/types";

/** The least weighty first. */
export const LEVELS: readonly LogLevel[] = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR"];

export interface LogSearch {
  level?: LogLevel;
  q?: string;
}

export function logSearch({ level, q }: Record<string, unknown>): LogSearch {
  return compact<LogSearch>({
    level: oneOf(level, LEVELS),
    q: q === undefined || q === "" ? undefined : String(q),
  });
}
