/** The time of a request as a line, and where its attempts lie on it. */
import type { AttemptRow } from "@/api/types";

export interface Bar {
  /** In percent of the line. */
  left: number;
  width: number;
}

/** So that what took no time is still seen. */
const THINNEST = 0.6;

/** How long the line is: the whole request, or to the end of its last attempt, whichever is longer. */
export function spanOf(
  durationMs: number,
  attempts: readonly Pick<AttemptRow, "startedMs" | "durationMs">[],
) {
  return Math.max(1, durationMs, ...attempts.map((each) => each.startedMs + each.durationMs));
}

export function barOf(
  { startedMs, durationMs }: Pick<AttemptRow, "startedMs" | "durationMs">,
  span: number,
): Bar {
  const width = Math.min(100, Math.max(THINNEST, (durationMs / span) * 100));
  return { left: Math.min(Math.max(0, (startedMs / span) * 100), 100 - width), width };
}

/** Round moments to mark on the line, at most `most` besides its beginning. */
export function ticksOf(span: number, most = 5): number[] {
  // Durations are whole milliseconds.
  if (span <= most) return Array.from({ length: Math.floor(span) + 1 }, (_, index) => index);
  const power = 10 ** Math.floor(Math.log10(span / most));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((each) => span / each <= most) ?? span;
  return Array.from({ length: Math.floor(span / step + 1e-9) + 1 }, (_, index) => index * step);
}
