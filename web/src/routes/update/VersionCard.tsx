import { Alert, Anchor, Card, Group, Text } from "@mantine/core";
import { IconExternalLink } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import type { UpdateState } from "@/api/types";
import { AnchorLink } from "@/ui/links";
import { StatusBadge } from "@/ui/StatusBadge";
import { RelativeTime } from "@/ui/time";

/** The version that runs, and the newest one. */
export function VersionCard({ state }: { state: UpdateState }) {
  const { t } = useTranslation("update");
  const { current, latest, newer, url, checked, error, _stale: stale } = state;
  return (
    <Card>
      <Group gap={48} align="flex-start">
        <Version label={t("current")} version={current} />
        {latest && <Version label={t("latest")} version={latest} />}
        <div>
          <Verdict newer={newer} known={latest !== null} />
          <Text size="sm" c="dimmed" mt={8}>
            {t("checked")} <RelativeTime time={checked} />
          </Text>
        </div>
      </Group>
      {newer && url && (
        <Text size="sm" mt="md">
          {t("how")}{" "}
          <Anchor href={url} target="_blank" rel="noreferrer" inherit underline="always">
            {t("release")}{" "}
            <IconExternalLink size={14} aria-label={t("newWindow")} style={{ verticalAlign: -2 }} />
          </Anchor>
        </Text>
      )}
      {error && (
        <Alert mt="md" color="orange" title={stale ? t("stale") : t("failed")}>
          {error}
        </Alert>
      )}
      {!latest && !error && (
        <Text size="sm" c="dimmed" mt="md">
          {t("off")}{" "}
          <AnchorLink to="/setting" search={{ tab: "system" }} inherit underline="always">
            {t("toSetting")}
          </AnchorLink>
        </Text>
      )}
    </Card>
  );
}

function Version({ label, version }: { label: string; version: string }) {
  return (
    <div>
      <Text size="sm" c="dimmed">
        {label}
      </Text>
      <Text fz={26} fw={650} lh={1.3}>
        {version}
      </Text>
    </div>
  );
}

function Verdict({ newer, known }: { newer: boolean; known: boolean }) {
  const { t } = useTranslation("update");
  if (!known) return <StatusBadge tone="idle">{t("unknown")}</StatusBadge>;
  return newer ? (
    <StatusBadge tone="info">{t("newer")}</StatusBadge>
  ) : (
    <StatusBadge tone="good">{t("upToDate")}</StatusBadge>
  );
}
