import { Button, Card, Group, Switch, Table, Text, Title, Tooltip } from "@mantine/core";
import { IconAdjustments, IconBrush } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { useSaveConfig } from "@/api/saveConfig";
import type { ConfigSnapshot, Provider, ProviderTask, Task } from "@/api/types";
import { AnchorLink } from "@/ui/links";
import { ProviderBadge } from "@/ui/ProviderBadge";
import { RelativeTime } from "@/ui/time";
import classes from "./Channel.module.css";

const TASKS: readonly Task[] = ["text", "edit", "blend"];

interface Props {
  provider: Provider;
  /** An environment variable decides whether it is on. */
  fixed: boolean;
  onSettings: () => void;
  onTest: () => void;
}

export function PlatformCard({ provider, fixed, onSettings, onTest }: Props) {
  const { t } = useTranslation(["channel", "common"]);
  const { name, lastFailure } = provider;
  return (
    <Card component="article" id={name} aria-label={name} className={classes.card ?? ""}>
      <Group justify="space-between" wrap="nowrap">
        <Group gap="xs" miw={0}>
          <Title order={3} fz="md">
            {name}
          </Title>
          <ProviderBadge provider={provider} />
        </Group>
        <Toggle provider={provider} fixed={fixed} />
      </Group>
      <Text size="sm" c="dimmed" mt={4}>
        <Keys provider={provider} />
      </Text>
      <Tasks provider={provider} />
      {lastFailure && (
        <Text size="xs" c="dimmed" lineClamp={2} title={lastFailure.message} mb="sm">
          {t("platforms.lastFailure")}{" "}
          {t(`common:outcome.${lastFailure.class}`, { defaultValue: lastFailure.class })},{" "}
          <RelativeTime time={lastFailure.time} />: {lastFailure.message}
        </Text>
      )}
      <Group gap="xs" mt="auto">
        <Button
          size="xs"
          variant="default"
          leftSection={<IconAdjustments size={15} aria-hidden />}
          onClick={onSettings}
        >
          {t("common:nav.settings")}
        </Button>
        <Button
          size="xs"
          variant="default"
          leftSection={<IconBrush size={15} aria-hidden />}
          onClick={onTest}
        >
          {t("platforms.test")}
        </Button>
      </Group>
    </Card>
  );
}

function withEnabled(config: ConfigSnapshot, name: string, enabled: boolean): ConfigSnapshot {
  return {
    ...config,
    providers: config.providers.map((each) => (each.name === name ? { ...each, enabled } : each)),
  };
}

function Toggle({ provider: { name, enabled }, fixed }: Pick<Props, "provider" | "fixed">) {
  const { t } = useTranslation("channel");
  const save = useSaveConfig();
  return (
    <Tooltip label={t("platforms.fixed")} disabled={!fixed}>
      <Switch
        aria-label={t("platforms.use", { name })}
        checked={enabled}
        disabled={fixed}
        onChange={({ currentTarget: { checked } }) =>
          save.mutate({
            patch: { providers: { [name]: { enabled: checked } } },
            preview: (config) => withEnabled(config, name, checked),
          })
        }
      />
    </Tooltip>
  );
}

function Keys({ provider: { name, keys, needsKey } }: Pick<Props, "provider">) {
  const { t } = useTranslation("channel");
  if (needsKey === "none") return t("platforms.noKeyNeeded");
  return (
    <AnchorLink to="/keys" search={{ provider: name }} inherit>
      {keys.total === 0
        ? t(needsKey === "optional" ? "platforms.addKeyOptional" : "platforms.addKey")
        : t("platforms.keys", { good: keys.good, total: keys.total })}
    </AnchorLink>
  );
}

function Tasks({ provider }: Pick<Props, "provider">) {
  const { t } = useTranslation(["channel", "common"]);
  return (
    <Table my="xs" fz="sm" verticalSpacing={4} horizontalSpacing={0} withRowBorders={false}>
      <Table.Thead className={classes.hidden ?? ""}>
        <Table.Tr>
          <Table.Th>{t("platforms.task")}</Table.Th>
          <Table.Th>{t("platforms.model")}</Table.Th>
          <Table.Th>{t("platforms.weight")}</Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {TASKS.map((task) => (
          <Table.Tr key={task}>
            <Table.Td c="dimmed" pr="md" className={classes.tight ?? ""}>
              {t(`common:task.${task}`)}
            </Table.Td>
            <TaskCells settings={provider.tasks[task]} />
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}

function TaskCells({ settings }: { settings: ProviderTask | undefined }) {
  const { t } = useTranslation("channel");
  if (!settings) {
    return (
      <Table.Td c="dimmed" colSpan={2}>
        {t("platforms.cannot")}
      </Table.Td>
    );
  }
  const model = settings.model ?? settings.defaultModel ?? t("platforms.noModel");
  return (
    <>
      <Table.Td className={classes.wide ?? ""}>
        <Text size="sm" truncate title={model}>
          {model}
        </Text>
      </Table.Td>
      <Table.Td ta="right" c="dimmed" pl="md" className={classes.tight ?? ""}>
        {settings.weight === 0
          ? t("platforms.onlyNamed")
          : t("platforms.weightIs", { weight: settings.weight })}
      </Table.Td>
    </>
  );
}
