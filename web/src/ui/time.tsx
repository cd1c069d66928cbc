import { Text } from "@mantine/core";
import { useEffect, useSyncExternalStore } from "react";
import { useTranslation } from "react-i18next";
import { formatClock, useFormat } from "./format";

/** One timer per period, shared by everything on the page that shows passing time. */
function ticker(periodMs: number) {
  const listeners = new Set<() => void>();
  let now = Date.now();
  let timer: number | undefined;
  return {
    subscribe(listener: () => void) {
      listeners.add(listener);
      if (timer === undefined) {
        now = Date.now();
        timer = window.setInterval(() => {
          now = Date.now();
          for (const each of listeners) each();
        }, periodMs);
      }
      return () => {
        listeners.delete(listener);
        if (listeners.size > 0) return;
        window.clearInterval(timer);
        timer = undefined;
      };
    },
    now: () => now,
  };
}

const seconds = ticker(1_000);
const halfMinutes = ticker(30_000);

/** The present time, to the second or to the half minute. */
export function useNow(period: "second" | "halfMinute" = "halfMinute"): number {
  const source = period === "second" ? seconds : halfMinutes;
  return useSyncExternalStore(source.subscribe, source.now);
}

/** "5 minutes ago", with the exact time on hover; "never" without a time. */
export function RelativeTime({ time }: { time: number | null }) {
  const { t } = useTranslation();
  const format = useFormat();
  const now = useNow();
  if (time === null) return <span>{t("state.never")}</span>;
  return (
    <time dateTime={new Date(time).toISOString()} title={format.dateTime(time)}>
      {format.relative(time, Math.max(now, time)) ?? t("time.now")}
    </time>
  );
}

interface CountdownProps {
  until: number;
  onEnd?: () => void;
}

/** The time left until a moment, as a clock. */
export function Countdown({ until, onEnd }: CountdownProps) {
  const format = useFormat();
  const now = useNow("second");
  const over = now >= until;
  useEffect(() => {
    if (over) onEnd?.();
  }, [over, onEnd]);
  return (
    <Text span inherit ff="monospace" title={format.dateTime(until)}>
      {formatClock(until - now)}
    </Text>
  );
}
