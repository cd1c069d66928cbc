import { useEffect, useMemo, useRef, useState } from "react";
import { useLogStream } from "@/api/sse";
import type { LogLevel } from "@/api/types";
import { type Gap, type Line, linesOf, matches, newerThan } from "./lines";

const CAPACITY = 5_000;
const MOST_GAPS = 100;

/** What is shown: the newest lines; or those of a moment, while they are read or the log is paused. */
export type Mode = "follow" | "read" | "pause";

/**
 * The lines of the log. They keep coming while something older is being read, but what is on the screen
 * stays: lines that drop out of the bounded memory would pull it away under the reader.
 */
export function useLines(level: LogLevel, text: string) {
  const { entries, missed, state, clear } = useLogStream(level, { capacity: CAPACITY });
  const [mode, setMode] = useState<Mode>("follow");
  const [kept, setKept] = useState<Line[]>([]);
  const [gaps, setGaps] = useState<readonly Gap[]>([]);
  const known = useRef(0);

  const newest = entries.at(-1)?.id ?? null;
  useEffect(() => {
    const more = missed - known.current;
    known.current = missed;
    if (more > 0) setGaps((before) => [...before, { after: newest, missed: more }].slice(-MOST_GAPS));
  }, [missed, newest]);

  // Lines of a lower level come from the past when it is chosen, and belong before those that are here.
  const clearRef = useRef(clear);
  clearRef.current = clear;
  const levelBefore = useRef(level);
  useEffect(() => {
    if (levelBefore.current === level) return;
    levelBefore.current = level;
    clearRef.current();
    setMode("follow");
  }, [level]);

  const live = useMemo(() => linesOf(entries, gaps), [entries, gaps]);
  const seen = (lines: Line[]) =>
    lines.filter((line) => line.kind === "gap" || matches(line.entry, level, text));
  // biome-ignore lint/correctness/useExhaustiveDependencies: `seen` is made of the level and the text
  const liveShown = useMemo(() => seen(live), [live, level, text]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: as above
  const keptShown = useMemo(() => seen(kept), [kept, level, text]);
  const lines = mode === "follow" ? liveShown : keptShown;

  return {
    lines,
    fresh: mode === "follow" ? 0 : newerThan(liveShown, keptShown),
    total: entries.length,
    state,
    mode,
    /** Keeps what is on the screen, or goes on. */
    change(next: Mode) {
      if (mode === "follow" && next !== "follow") setKept(live);
      setMode(next);
    },
    clear() {
      clear();
      setKept([]);
      setGaps([]);
    },
  };
}
