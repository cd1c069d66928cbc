/** Numbers, sizes, durations and times as people of a locale write them. */
import { useMemo } from "react";
import { useTranslation } from "react-i18next";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

export function formatNumber(value: number, locale: string, digits = 0): string {
  return new Intl.NumberFormat(locale, { maximumFractionDigits: digits }).format(value);
}

/** 12,345 as it is; 1,234,567 as 1.2M (123 万 in Chinese). */
export function formatCompact(value: number, locale: string): string {
  if (Math.abs(value) < 100_000) return formatNumber(value, locale);
  return new Intl.NumberFormat(locale, { notation: "compact", maximumFractionDigits: 1 }).format(value);
}

/** A share of 0 to 1 as a percentage; tiny shares do not become 0 %. */
export function formatPercent(share: number, locale: string): string {
  const digits = share > 0 && share < 0.01 ? 2 : 1;
  return new Intl.NumberFormat(locale, { style: "percent", maximumFractionDigits: digits }).format(share);
}

const BYTE_UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];

export function formatBytes(bytes: number, locale: string): string {
  const power = bytes < 1 ? 0 : Math.min(Math.floor(Math.log2(bytes) / 10), BYTE_UNITS.length - 1);
  const value = bytes / 1024 ** power;
  return `${formatNumber(value, locale, value < 10 && power > 0 ? 1 : 0)} ${BYTE_UNITS[power]}`;
}

type TimeUnit = "millisecond" | "second" | "minute" | "hour" | "day";

function withUnit(value: number, unit: TimeUnit, locale: string, digits = 0): string {
  return new Intl.NumberFormat(locale, {
    style: "unit",
    unit,
    unitDisplay: locale.startsWith("zh") ? "short" : "narrow",
    maximumFractionDigits: digits,
  }).format(value);
}

/** A duration in its two largest units: 850ms, 12.3s, 2m 5s, 3h 12m, 5d 3h. */
export function formatDuration(ms: number, locale: string): string {
  if (ms === 0) return withUnit(0, "second", locale);
  if (ms < 1_000) return withUnit(Math.round(ms), "millisecond", locale);
  if (ms < MINUTE) return withUnit(ms / 1_000, "second", locale, ms < 10_000 ? 1 : 0);
  const [large, largeUnit, smallMs, smallUnit] =
    ms < HOUR
      ? ([MINUTE, "minute", 1_000, "second"] as const)
      : ms < DAY
        ? ([HOUR, "hour", MINUTE, "minute"] as const)
        : ([DAY, "day", HOUR, "hour"] as const);
  const first = withUnit(Math.floor(ms / large), largeUnit, locale);
  const rest = Math.floor((ms % large) / smallMs);
  return rest === 0 ? first : `${first} ${withUnit(rest, smallUnit, locale)}`;
}

/** Time left as a clock: 0:42, 12:05, 1:02:03. */
export function formatClock(ms: number): string {
  const seconds = Math.max(0, Math.ceil(ms / 1_000));
  const parts = [Math.floor(seconds / 3_600), Math.floor(seconds / 60) % 60, seconds % 60];
  const shown = parts[0] === 0 ? parts.slice(1) : parts;
  return shown.map((part, index) => (index === 0 ? String(part) : String(part).padStart(2, "0"))).join(":");
}

const RELATIVE_UNITS: [Intl.RelativeTimeFormatUnit, number][] = [
  ["year", 365 * DAY],
  ["month", 30 * DAY],
  ["week", 7 * DAY],
  ["day", DAY],
  ["hour", HOUR],
  ["minute", MINUTE],
];

/** "5 minutes ago"; null when it is less than a minute, for which each language has its own word. */
export function formatRelative(time: number, now: number, locale: string): string | null {
  const passed = time - now;
  for (const [unit, size] of RELATIVE_UNITS) {
    if (Math.abs(passed) >= size) {
      return new Intl.RelativeTimeFormat(locale, { numeric: "auto" }).format(Math.trunc(passed / size), unit);
    }
  }
  return null;
}

export function formatDateTime(time: number, locale: string): string {
  return new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "medium" }).format(time);
}

/** The formatters for the panel's language. */
export function useFormat() {
  const { i18n } = useTranslation();
  const locale = i18n.language;
  return useMemo(
    () => ({
      locale,
      number: (value: number, digits?: number) => formatNumber(value, locale, digits),
      compact: (value: number) => formatCompact(value, locale),
      percent: (share: number) => formatPercent(share, locale),
      bytes: (bytes: number) => formatBytes(bytes, locale),
      duration: (ms: number) => formatDuration(ms, locale),
      dateTime: (time: number) => formatDateTime(time, locale),
      relative: (time: number, now: number) => formatRelative(time, now, locale),
    }),
    [locale],
  );
}
