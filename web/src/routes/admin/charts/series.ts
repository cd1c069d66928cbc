import type { SeriesPoint } from "@/api/types";

const DAY = 86_400_000;

/** How a point of the series is called on the axis: a time within two days, else a date. */
export function axisLabel(time: number, spanMs: number, locale: string): string {
  const style: Intl.DateTimeFormatOptions =
    spanMs <= 2 * DAY ? { hour: "2-digit", minute: "2-digit" } : { month: "short", day: "numeric" };
  return new Intl.DateTimeFormat(locale, style).format(time);
}

export interface PicturesOf {
  time: number;
  pictures: number;
}

/** Pictures per day (local days), or per step where the window is shorter than three days. */
export function picturesPerDay(series: SeriesPoint[], spanMs: number): PicturesOf[] {
  if (spanMs < 3 * DAY) return series.map(({ time, pictures }) => ({ time, pictures }));
  const days = new Map<number, number>();
  for (const { time, pictures } of series) {
    const day = new Date(time).setHours(0, 0, 0, 0);
    days.set(day, (days.get(day) ?? 0) + pictures);
  }
  return [...days].map(([time, pictures]) => ({ time, pictures }));
}
