import { Card, Group, SimpleGrid, Text, Title } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import type { Provider, Stats } from "@/api/types";
import { useFormat } from "@/ui/format";
import { ProviderBadge } from "@/ui/ProviderBadge";
import { RelativeTime } from "@/ui/time";
import classes from "./Dashboard.module.css";

interface Props {
  providers: Provider[];
  stats: Stats | undefined;
}

/** The platforms that can serve: those that are on first, then by how much they did. */
function inOrder(providers: Provider[], stats: Stats | undefined): Provider[] {
  const requests = (name: string) => stats?.byPlatform.find((group) => group.name === name)?.requests ?? 0;
  return [...providers].sort(
    (one, other) => Number(other.enabled) - Number(one.enabled) || requests(other.name) - requests(one.name),
  );
}

export function PlatformCards({ providers, stats }: Props) {
  const { t } = useTranslation("dashboard");
  return (
    <section aria-label={t("platforms.title")}>
      <Title order={2} mb="sm">
        {t("platforms.title")}
      </Title>
      <SimpleGrid cols={{ base: 1, xs: 2, lg: 4 }} spacing={{ base: "xs", xs: "md" }}>
        {inOrder(providers, stats).map((provider) => (
          <PlatformCard key={provider.name} provider={provider} stats={stats} />
        ))}
      </SimpleGrid>
    </section>
  );
}

function PlatformCard({ provider, stats }: { provider: Provider; stats: Stats | undefined }) {
  const { t } = useTranslation(["dashboard", "common"]);
  const format = useFormat();
  const group = stats?.byPlatform.find(({ name }) => name === provider.name);
  const { lastFailure } = provider;
  return (
    <Card className={`${classes.tile} ${classes.platform}`}>
      <Group justify="space-between" wrap="nowrap" gap="xs">
        <Link to="/channel" hash={provider.name} className={classes.cover}>
          <Text span fw={600} inherit>
            {provider.name}
          </Text>
        </Link>
        <ProviderBadge provider={provider} />
      </Group>
      <Text size="sm" className={group ? classes.did : classes.nothing}>
        {group
          ? t("platforms.did", {
              count: group.requests,
              requests: format.compact(group.requests),
              rate: format.percent(1 - group.errorRate),
            })
          : t("platforms.idle")}
      </Text>
      <Text
        size="xs"
        c="dimmed"
        truncate
        title={lastFailure?.message ?? ""}
        mt={2}
        mih={18}
        {...(lastFailure ? {} : { className: classes.nothing })}
      >
        {lastFailure ? (
          <>
            {t(`common:outcome.${lastFailure.class}`, { defaultValue: lastFailure.class })}
            {" · "}
            <RelativeTime time={lastFailure.time} />
          </>
        ) : (
          t("platforms.noFailure")
        )}
      </Text>
    </Card>
  );
}
