import { Button, Group, Stack, Text, ThemeIcon } from "@mantine/core";
import { IconDeviceDesktop } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { api } from "@/api/client";
import { sessionsQuery } from "@/api/queries";
import type { SessionInfo } from "@/api/types";
import { Loaded } from "@/ui/Loaded";
import { Section } from "@/ui/Section";
import { StatusBadge } from "@/ui/StatusBadge";
import { TableSkeleton } from "@/ui/skeletons";
import { RelativeTime } from "@/ui/time";
import { nameOfAgent } from "./userAgent";

/** Who is signed in, and from where. */
export function SessionsCard() {
  const { t } = useTranslation("setting");
  const sessions = useQuery(sessionsQuery);
  return (
    <Section title={t("sessions.title")} description={t("sessions.description")}>
      <Loaded query={sessions} skeleton={<TableSkeleton rows={2} />}>
        {(list) => (
          <Stack gap="md">
            {list.map((session) => (
              <SessionRow key={session.id} session={session} />
            ))}
          </Stack>
        )}
      </Loaded>
    </Section>
  );
}

function SessionRow({ session }: { session: SessionInfo }) {
  const { t } = useTranslation("setting");
  const client = useQueryClient();
  const name = nameOfAgent(session.userAgent);
  const end = useMutation({
    mutationFn: () => api.delete(`/api/sessions/${encodeURIComponent(session.id)}`),
    onSettled: () => client.invalidateQueries({ queryKey: sessionsQuery.queryKey }),
  });
  return (
    <Group wrap="nowrap" justify="space-between">
      <Group wrap="nowrap" miw={0}>
        <ThemeIcon variant="light" color="gray" size="lg" visibleFrom="xs">
          <IconDeviceDesktop size={18} aria-hidden />
        </ThemeIcon>
        <div style={{ minWidth: 0 }}>
          <Group gap="xs">
            <Text size="sm" fw={550} truncate title={session.userAgent}>
              {name}
            </Text>
            {session.current && <StatusBadge tone="good">{t("sessions.current")}</StatusBadge>}
          </Group>
          <Text size="xs" c="dimmed">
            {session.address} · {t("sessions.lastSeen")} <RelativeTime time={session.lastSeen} />
          </Text>
        </div>
      </Group>
      {!session.current && (
        <Button
          size="xs"
          variant="default"
          loading={end.isPending}
          onClick={() => end.mutate()}
          aria-label={t("sessions.endOf", { name })}
        >
          {t("sessions.end")}
        </Button>
      )}
    </Group>
  );
}
