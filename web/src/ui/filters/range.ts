/** A range of time as it stands in the address, and as the browser's date fields write it. */

export interface TimeRange {
  from?: number;
  to?: number;
}

export type Granularity = "day" | "minute";

const two = (value: number) => String(value).padStart(2, "0");

/** A moment as a date field shows it, in the reader's time zone. */
export function toField(time: number | undefined, granularity: Granularity): string {
  if (time === undefined) return "";
  const date = new Date(time);
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return granularity === "day" ? day : `${day}T${two(date.getHours())}:${two(date.getMinutes())}`;
}

/** The first (or last) millisecond of what was entered; undefined while it is not whole. */
export function fromField(
  text: string,
  granularity: Granularity,
  edge: "start" | "end" = "start",
): number | undefined {
  if (text === "") return undefined;
  const start = new Date(granularity === "day" ? `${text}T00:00` : text);
  if (Number.isNaN(start.getTime())) return undefined;
  if (edge === "start") return start.getTime();
  // By the calendar, not by adding 24 hours: days differ in length where clocks change.
  if (granularity === "day") start.setDate(start.getDate() + 1);
  else start.setMinutes(start.getMinutes() + 1);
  return start.getTime() - 1;
}
