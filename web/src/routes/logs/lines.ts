/** The lines of the live log as they are shown. */
import type { LogEntry, LogLevel } from "@/api/types";
import { LEVELS } from "./search";

/** A place where the gateway wrote faster than the lines could be sent. */
export interface Gap {
  /** The line before it; null: at the beginning. */
  after: LogEntry["id"] | null;
  missed: number;
}

export type Line =
  | { kind: "entry"; id: string; entry: LogEntry }
  | { kind: "gap"; id: string; missed: number };

const weight = (level: LogLevel) => LEVELS.indexOf(level);

/** Whether a line is to be seen: it weighs enough, and holds every word of the text somewhere. */
export function matches(entry: LogEntry, level: LogLevel, text: string): boolean {
  if (weight(entry.level) < weight(level)) return false;
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return true;
  const { message, module, requestId, fields } = entry;
  const all = [message, module, requestId ?? "", ...Object.entries(fields).map((pair) => pair.join("="))]
    .join("\n")
    .toLowerCase();
  return words.every((word) => all.includes(word));
}

/** The lines with the gaps in their places. Gaps whose line is gone are gone, too. */
export function linesOf(entries: readonly LogEntry[], gaps: readonly Gap[]): Line[] {
  const byPlace = new Map<LogEntry["id"] | null, number>();
  for (const { after, missed } of gaps) byPlace.set(after, (byPlace.get(after) ?? 0) + missed);
  const lines: Line[] = [];
  const gapAfter = (place: LogEntry["id"] | null) => {
    const missed = byPlace.get(place);
    if (missed) lines.push({ kind: "gap", id: `gap ${place}`, missed });
  };
  gapAfter(null);
  for (const entry of entries) {
    lines.push({ kind: "entry", id: String(entry.id), entry });
    gapAfter(entry.id);
  }
  return lines;
}

/** How many lines have come after those that are shown. */
export function newerThan(lines: readonly Line[], shown: readonly Line[]): number {
  const last = shown.at(-1)?.id;
  if (last === undefined) return lines.length;
  const at = lines.findLastIndex(({ id }) => id === last);
  return lines.length - 1 - at;
}
