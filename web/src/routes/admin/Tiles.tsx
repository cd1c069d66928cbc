import { Card, Group, SimpleGrid, Text } from "@mantine/core";
import { Link, type LinkProps } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import type { Stats, Window } from "@/api/types";
import { useFormat } from "@/ui/format";
import classes from "./Dashboard.module.css";

interface TileProps {
  label: string;
  value: string;
  detail: string;
  link: LinkProps;
  bad?: boolean;
}

/** A number that leads to what it is made of. */
function Tile({ label, value, detail, link, bad = false }: TileProps) {
  return (
    <Card className={classes.tile ?? ""} padding="md">
      <Text size="sm" c="dimmed">
        <Link {...link} className={classes.cover}>
          {label}
        </Link>
      </Text>
      <Group gap={8} align="baseline" mt={2}>
        <Text fz={26} fw={650} lh={1.25} {...(bad ? { c: "var(--mantine-color-red-light-color)" } : {})}>
          {value}
        </Text>
      </Group>
      <Text size="xs" c="dimmed" lineClamp={2}>
        {detail}
      </Text>
    </Card>
  );
}

const ALARMING = 0.1;

export function Tiles({ stats, window }: { stats: Stats; window: Window }) {
  const { t } = useTranslation("dashboard");
  const format = useFormat();
  const { totals, storage, inFlight, from } = stats;
  const duration = (ms: number | null) => (ms === null ? "–" : format.duration(ms));
  const period = t(`windows.${window}`);
  return (
    <SimpleGrid cols={{ base: 2, md: 5 }} className={classes.tiles ?? ""}>
      <Tile
        label={t("tiles.requests")}
        value={format.compact(totals.requests)}
        detail={t("tiles.inFlight", { count: inFlight })}
        link={{ to: "/requests", search: { from } }}
      />
      <Tile
        label={t("tiles.errorRate")}
        value={format.percent(totals.errorRate)}
        detail={t("tiles.failed", { count: totals.errors, shown: format.number(totals.errors) })}
        link={{ to: "/requests", search: { status: "failed", from } }}
        bad={totals.errorRate >= ALARMING}
      />
      <Tile
        label={t("tiles.p50")}
        value={duration(totals.p50Ms)}
        detail={t("tiles.percentiles", { p95: duration(totals.p95Ms), p99: duration(totals.p99Ms) })}
        link={{ to: "/requests", search: { from, status: "ok" } }}
      />
      <Tile
        label={t("tiles.pictures")}
        value={format.compact(totals.pictures)}
        detail={t("tiles.drawnIn", { bytes: format.bytes(totals.bytes), period })}
        link={{ to: "/pic", search: { from } }}
      />
      <Tile
        label={t("tiles.storage")}
        value={format.bytes(storage.bytes)}
        detail={t("tiles.free", { bytes: format.bytes(storage.freeBytes) })}
        link={{ to: "/pic", search: {} }}
      />
    </SimpleGrid>
  );
}
