import { Box, Card, Code, Group, Text } from "@mantine/core";
import { lazy, type ReactNode, Suspense, useState } from "react";
import { useTranslation } from "react-i18next";
import type { ConfigSnapshot } from "@/api/types";
import { useFormat } from "@/ui/format";
import { AnchorLink } from "@/ui/links";
import { StatusBadge } from "@/ui/StatusBadge";
import { useNow } from "@/ui/time";
import classes from "./Dashboard.module.css";

/** With its tooltip it comes after the page. */
const CopyButton = lazy(() => import("@/ui/CopyButton").then((module) => ({ default: module.CopyButton })));

function Fact({ label, children }: { label: string; children: ReactNode }) {
  return (
    <Box miw={0}>
      <Text size="xs" c="dimmed" mb={4}>
        {label}
      </Text>
      <Group gap={6} wrap="nowrap" h={26} component="div">
        {children}
      </Group>
    </Box>
  );
}

/** What runs here, and the address to give to clients. */
export function GatewayCard({ config }: { config: ConfigSnapshot }) {
  const { t } = useTranslation(["dashboard", "common"]);
  return (
    <Card component="section" aria-label={t("gateway.title")}>
      <div className={classes.facts}>
        <Fact label={t("gateway.address")}>
          <Code fz="sm" className={classes.address ?? ""}>
            {config.address}
          </Code>
          <Suspense fallback={null}>
            <CopyButton value={config.address} label={t("gateway.copyAddress")} />
          </Suspense>
        </Fact>
        <Fact label={t("gateway.modes")}>
          <AnchorLink
            to="/setting"
            search={{ tab: "access" }}
            underline="never"
            className={classes.badges ?? ""}
          >
            <StatusBadge tone={config.modes.relay ? "good" : "idle"}>{t("gateway.relay")}</StatusBadge>
            <StatusBadge tone={config.modes.backend ? "good" : "idle"}>{t("gateway.backend")}</StatusBadge>
          </AnchorLink>
        </Fact>
        <Fact label={t("gateway.version")}>
          <AnchorLink to="/update" size="sm" fw={550}>
            {config.version}
          </AnchorLink>
        </Fact>
        <Fact label={t("gateway.uptime")}>
          <Uptime ms={config.uptimeMs} />
        </Fact>
      </div>
    </Card>
  );
}

function Uptime({ ms }: { ms: number }) {
  const format = useFormat();
  const started = useStart(ms);
  const now = useNow();
  return (
    <Text size="sm" fw={550} title={format.dateTime(started)}>
      {format.duration(Math.max(0, now - started))}
    </Text>
  );
}

/** When the gateway began, to the second: the snapshot tells how long ago that was. */
function useStart(uptimeMs: number): number {
  const [told, setTold] = useState({ uptimeMs, at: Date.now() });
  if (told.uptimeMs !== uptimeMs) setTold({ uptimeMs, at: Date.now() });
  return told.at - told.uptimeMs;
}
