import { SimpleGrid, Skeleton } from "@mantine/core";
import { IconChartBar } from "@tabler/icons-react";
import { lazy, Suspense } from "react";
import { useTranslation } from "react-i18next";
import type { Stats } from "@/api/types";
import { Empty } from "@/ui/Empty";
import { ButtonLink } from "@/ui/links";
import { Section } from "@/ui/Section";
import { CHART_HEIGHT } from "./charts/height";

/** Nothing waits for the charts: they come after the numbers. */
const charts = () => import("./charts");
const TrafficChart = lazy(() => charts().then((module) => ({ default: module.TrafficChart })));
const LatencyChart = lazy(() => charts().then((module) => ({ default: module.LatencyChart })));
const PicturesChart = lazy(() => charts().then((module) => ({ default: module.PicturesChart })));

export function ChartCards({ stats }: { stats: Stats }) {
  const { t } = useTranslation("dashboard");
  if (stats.totals.requests === 0) {
    return (
      <Section title={t("charts.traffic")}>
        <Empty
          icon={<IconChartBar aria-hidden />}
          title={t("charts.emptyTitle")}
          description={t("charts.emptyBody")}
          action={<ButtonLink to="/playground">{t("charts.draw")}</ButtonLink>}
        />
      </Section>
    );
  }
  const waiting = <Skeleton h={CHART_HEIGHT} />;
  return (
    <>
      <Section title={t("charts.traffic")} description={t("charts.trafficHint")}>
        <Suspense fallback={waiting}>
          <TrafficChart stats={stats} />
        </Suspense>
      </Section>
      <SimpleGrid cols={{ base: 1, lg: 2 }}>
        <Section title={t("charts.latency")} description={t("charts.latencyHint")}>
          <Suspense fallback={waiting}>
            <LatencyChart stats={stats} />
          </Suspense>
        </Section>
        <Section title={t("charts.pictures")} description={t("charts.picturesHint")}>
          <Suspense fallback={waiting}>
            <PicturesChart stats={stats} />
          </Suspense>
        </Section>
      </SimpleGrid>
    </>
  );
}
