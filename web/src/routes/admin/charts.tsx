import "@mantine/charts/styles.css";
import { BarChart, CompositeChart } from "@mantine/charts";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import type { Stats } from "@/api/types";
import { useFormat } from "@/ui/format";
import { CHART_HEIGHT } from "./chartHeight";
import { axisLabel, picturesPerDay } from "./series";

const COMMON = {
  h: CHART_HEIGHT,
  withLegend: true,
  legendProps: { verticalAlign: "top", height: 34 },
  tickLine: "none",
  gridAxis: "x",
} as const;

/** Charts are pictures to a screen reader: one sentence says what they show. */
function Figure({ label, children }: { label: string; children: ReactNode }) {
  return (
    <div role="img" aria-label={label}>
      <div aria-hidden>{children}</div>
    </div>
  );
}

const noKeyboard = { accessibilityLayer: false } as const;

export function TrafficChart({ stats }: { stats: Stats }) {
  const { t } = useTranslation("dashboard");
  const format = useFormat();
  const span = stats.to - stats.from;
  const data = stats.series.map(({ time, requests, errors }) => ({
    time: axisLabel(time, span, format.locale),
    ok: requests - errors,
    failed: errors,
  }));
  return (
    <Figure
      label={t("charts.trafficSummary", {
        requests: format.number(stats.totals.requests),
        rate: format.percent(stats.totals.errorRate),
      })}
    >
      <BarChart
        {...COMMON}
        data={data}
        dataKey="time"
        type="stacked"
        series={[
          { name: "ok", label: t("charts.ok"), color: "brand.5" },
          { name: "failed", label: t("charts.failed"), color: "red.6" },
        ]}
        valueFormatter={(value) => format.number(value)}
        yAxisProps={{ allowDecimals: false, width: 40 }}
        xAxisProps={{ minTickGap: 24 }}
        barProps={{ radius: 2, isAnimationActive: false }}
        barChartProps={noKeyboard}
      />
    </Figure>
  );
}

export function LatencyChart({ stats }: { stats: Stats }) {
  const { t } = useTranslation("dashboard");
  const format = useFormat();
  const groups = stats.byPlatform.filter(({ p50Ms }) => p50Ms !== null).slice(0, 6);
  const data = groups.map(({ label, p50Ms, p95Ms }) => ({ name: label, p50: p50Ms ?? 0, p95: p95Ms ?? 0 }));
  return (
    <Figure
      label={t("charts.latencySummary", {
        list: groups.map(({ label, p95Ms }) => `${label} ${format.duration(p95Ms ?? 0)}`).join(", "),
      })}
    >
      <BarChart
        {...COMMON}
        data={data}
        dataKey="name"
        orientation="vertical"
        gridAxis="y"
        series={[
          { name: "p50", label: "P50", color: "brand.3" },
          { name: "p95", label: "P95", color: "brand.6" },
        ]}
        valueFormatter={(value) => format.duration(value)}
        yAxisProps={{ width: 96 }}
        xAxisProps={{ tickFormatter: (value: number) => format.duration(value) }}
        maxBarWidth={14}
        barProps={{ radius: 2, isAnimationActive: false }}
        barChartProps={noKeyboard}
      />
    </Figure>
  );
}

export function PicturesChart({ stats }: { stats: Stats }) {
  const { t } = useTranslation("dashboard");
  const format = useFormat();
  const span = stats.to - stats.from;
  const data = picturesPerDay(stats.series, span).map(({ time, pictures }) => ({
    time: axisLabel(time, span, format.locale),
    pictures,
  }));
  return (
    <Figure label={t("charts.picturesSummary", { pictures: format.number(stats.totals.pictures) })}>
      <CompositeChart
        {...COMMON}
        withLegend={false}
        data={data}
        dataKey="time"
        series={[{ name: "pictures", label: t("charts.pictures"), color: "teal.6", type: "area" }]}
        curveType="monotone"
        withDots={false}
        valueFormatter={(value) => format.number(value)}
        yAxisProps={{ allowDecimals: false, width: 40 }}
        xAxisProps={{ minTickGap: 24 }}
        areaProps={{ isAnimationActive: false }}
        composedChartProps={noKeyboard}
      />
    </Figure>
  );
}
