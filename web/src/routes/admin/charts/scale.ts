/** Where values and names stand on a chart's axes. */

/** Round steps between ticks, as parts of a power of ten. */
const ROUND = [1, 2, 2.5, 5, 10];

interface TickOptions {
  /** About how many steps between zero and the end. */
  steps?: number;
  /** Only whole numbers: half a request does not exist. */
  whole?: boolean;
  /** What a round number is a multiple of: 60,000 for minutes in milliseconds. */
  unit?: number;
}

/** Round values from zero to the first that is not below `greatest`. */
export function ticks(greatest: number, { steps = 4, whole = false, unit = 1 }: TickOptions = {}): number[] {
  if (!(greatest > 0)) return [0, unit];
  const least = greatest / unit / steps;
  const power = 10 ** Math.floor(Math.log10(least));
  const fitting = ROUND.map((part) => part * power).find(
    (step) => step >= least * (1 - 1e-9) && (!whole || Number.isInteger(step)),
  );
  const step = (fitting ?? 10 * power) < 1 && whole ? 1 : (fitting ?? 10 * power);
  const count = Math.ceil(greatest / unit / step - 1e-9);
  // Multiplied, not added up: sums of fractions drift.
  return Array.from({ length: count + 1 }, (_, index) => Number((index * step * unit).toPrecision(12)));
}

const MINUTE = 60_000;

/** Round durations, in milliseconds: beyond two minutes, whole parts of minutes. */
export function durationTicks(greatest: number, steps = 4): number[] {
  return ticks(greatest, { steps, unit: greatest > 2 * MINUTE ? MINUTE : 1 });
}

/** A value's place between `from` and `to`, where the axis goes from zero to `end`. */
export function place(value: number, end: number, from: number, to: number): number {
  return from + (value / end) * (to - from);
}

/** Every how many points a name fits under the axis, `room` pixels being there for each point. */
export function nameEvery(room: number, width: number): number {
  return Math.max(1, Math.ceil(width / Math.max(room, 1e-6)));
}

/** About how wide a text is at the size of the axes: letters of the Far East are square. */
export function textWidth(text: string, size = 12): number {
  let width = 0;
  for (const letter of text) width += letter > "\u2e80" ? size : size * 0.58;
  return width;
}

/** A text that is not wider than `room`, with a sign that something is left out. */
export function shortened(text: string, room: number, size = 12): string {
  if (textWidth(text, size) <= room) return text;
  const letters = [...text];
  while (letters.length > 1 && textWidth(`${letters.join("")}…`, size) > room) letters.pop();
  return `${letters.join("").trimEnd()}…`;
}
