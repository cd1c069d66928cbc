import { SegmentedControl, SimpleGrid, Skeleton, Stack } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { configQuery, statsQuery } from "@/api/queries";
import { WINDOWS } from "@/api/search";
import type { Window } from "@/api/types";
import { Loaded } from "@/ui/Loaded";
import { PageHeader } from "@/ui/PageHeader";
import { CardsSkeleton } from "@/ui/skeletons";
import { Advice } from "./Advice";
import { ChartCards } from "./ChartCards";
import { GatewayCard } from "./GatewayCard";
import { KeyHealth } from "./KeyHealth";
import { LogStrip } from "./LogStrip";
import { NewestPictures } from "./NewestPictures";
import { PlatformCards } from "./PlatformCards";
import { Tiles } from "./Tiles";

const route = getRouteApi("/panel/admin");

export default function DashboardPage() {
  const { t } = useTranslation(["dashboard", "common"]);
  const { window = "24h" } = route.useSearch();
  const navigate = route.useNavigate();
  const config = useQuery(configQuery);
  const stats = useQuery(statsQuery(window));

  return (
    <>
      <PageHeader
        title={t("common:nav.dashboard")}
        actions={
          <SegmentedControl
            aria-label={t("window")}
            size="xs"
            value={window}
            onChange={(next) => void navigate({ search: { window: next as Window }, replace: true })}
            data={WINDOWS.map((value) => ({ value, label: t(`windows.${value}`) }))}
          />
        }
      />
      <Stack gap="md">
        <Loaded query={config} skeleton={<Skeleton h={92} />}>
          {(snapshot) => (
            <>
              <Advice config={snapshot} />
              <GatewayCard config={snapshot} />
            </>
          )}
        </Loaded>
        <Loaded query={stats} skeleton={<CardsSkeleton count={5} height={96} cols={{ base: 2, md: 5 }} />}>
          {(data) => <Tiles stats={data} window={window} />}
        </Loaded>
        <Loaded query={stats} skeleton={<CardsSkeleton count={2} height={300} cols={{ base: 1, lg: 2 }} />}>
          {(data) => <ChartCards stats={data} />}
        </Loaded>
        <Loaded query={config} skeleton={<CardsSkeleton count={3} height={150} />}>
          {(snapshot) => <PlatformCards providers={snapshot.providers} stats={stats.data} />}
        </Loaded>
        <SimpleGrid cols={{ base: 1, lg: 2 }}>
          <NewestPictures />
          <Loaded query={config} skeleton={<Skeleton h={300} />}>
            {(snapshot) => <KeyHealth providers={snapshot.providers} />}
          </Loaded>
        </SimpleGrid>
        <LogStrip />
      </Stack>
    </>
  );
}
