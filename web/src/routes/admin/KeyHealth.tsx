import { Box, Group, Progress, Stack, Text } from "@mantine/core";
import { IconKey } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import type { Provider } from "@/api/types";
import { Empty } from "@/ui/Empty";
import { AnchorLink, ButtonLink } from "@/ui/links";
import { Section } from "@/ui/Section";
import { StatusDot, type Tone } from "@/ui/StatusBadge";

const STATES = ["good", "cooling", "disabled", "off"] as const;
const TONES: Record<(typeof STATES)[number], Tone> = {
  good: "good",
  cooling: "warning",
  disabled: "bad",
  off: "idle",
};
const COLORS = {
  good: "var(--panel-good)",
  cooling: "var(--panel-warning)",
  disabled: "var(--panel-bad)",
  off: "var(--panel-idle)",
};

/** The keys of each platform by what they are good for. */
export function KeyHealth({ providers }: { providers: Provider[] }) {
  const { t } = useTranslation("dashboard");
  const withKeys = providers.filter(({ keys }) => keys.total > 0);
  if (withKeys.length === 0) {
    return (
      <Section title={t("keys.title")}>
        <Empty
          icon={<IconKey aria-hidden />}
          title={t("keys.emptyTitle")}
          description={t("keys.emptyBody")}
          action={<ButtonLink to="/keys">{t("keys.add")}</ButtonLink>}
        />
      </Section>
    );
  }
  return (
    <Section title={t("keys.title")}>
      <Group gap="md" mb="sm">
        {STATES.map((state) => (
          <Group key={state} gap={6}>
            <StatusDot tone={TONES[state]} />
            <Text size="xs" c="dimmed">
              {t(`keys.${state}`)}
            </Text>
          </Group>
        ))}
      </Group>
      <Stack gap="sm">
        {withKeys.map(({ name, keys }) => (
          <Box key={name}>
            <Group justify="space-between" mb={4}>
              <AnchorLink to="/keys" search={{ provider: name }} size="sm" c="inherit" fw={500}>
                {name}
              </AnchorLink>
              <Text size="xs" c="dimmed">
                {t("keys.usable", { good: keys.good, total: keys.total })}
              </Text>
            </Group>
            <Progress.Root size={8} radius="xl" aria-hidden>
              {STATES.map((state) => (
                <Progress.Section
                  key={state}
                  value={(100 * keys[state]) / keys.total}
                  color={COLORS[state]}
                  withAria={false}
                />
              ))}
            </Progress.Root>
          </Box>
        ))}
      </Stack>
    </Section>
  );
}
