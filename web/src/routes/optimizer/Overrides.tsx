import { Group, Table, Text } from "@mantine/core";
import { useTranslation } from "react-i18next";
import type { ConfigSnapshot, ProviderTask, Task } from "@/api/types";
import { AnchorLink } from "@/ui/links";
import { Section } from "@/ui/Section";
import { StatusDot } from "@/ui/StatusBadge";

const TASKS: readonly Task[] = ["text", "edit", "blend"];

/** What holds for each platform and task, and whether it was set there or comes from here. */
export function Overrides({ config }: { config: ConfigSnapshot }) {
  const { t } = useTranslation(["optimizer", "common"]);
  const isOn = (name: string) =>
    config.settings.find(({ path }) => path === `promptOptimizer.${name}`)?.value === "true";
  const general = { translate: isOn("enableTranslate"), expand: isOn("enableExpand") };
  return (
    <Section flush title={t("overrides.title")} description={t("overrides.description")}>
      <Table.ScrollContainer minWidth={560} scrollAreaProps={{ viewportProps: { tabIndex: 0 } }}>
        <Table verticalSpacing="sm" horizontalSpacing="md">
          <Table.Thead>
            <Table.Tr>
              <Table.Th>{t("overrides.platform")}</Table.Th>
              {TASKS.map((task) => (
                <Table.Th key={task}>{t(`common:task.${task}`)}</Table.Th>
              ))}
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {config.providers.map((provider) => (
              <Table.Tr key={provider.name}>
                <Table.Th scope="row" fw={500}>
                  <AnchorLink to="/channel" hash={provider.name} size="sm">
                    {provider.name}
                  </AnchorLink>
                </Table.Th>
                {TASKS.map((task) => (
                  <Table.Td key={task}>
                    <Both settings={provider.tasks[task]} general={general} />
                  </Table.Td>
                ))}
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
    </Section>
  );
}

interface BothProps {
  settings: ProviderTask | undefined;
  general: { translate: boolean; expand: boolean };
}

function Both({ settings, general }: BothProps) {
  const { t } = useTranslation(["optimizer", "common"]);
  if (!settings) {
    return (
      <Text span size="sm" c="dimmed">
        –
      </Text>
    );
  }
  return (["translate", "expand"] as const).map((what) => {
    const own = settings[what];
    const on = own ?? general[what];
    const state = t(on ? "common:state.on" : "common:state.off");
    return (
      <Group key={what} gap={6} wrap="nowrap" fz="sm">
        <StatusDot tone={on ? "good" : "idle"} />
        <span style={{ whiteSpace: "nowrap" }}>
          {t(`overrides.${what}`, { state })}
          {own === null && (
            <Text span inherit c="dimmed">
              {` (${t("overrides.inherited")})`}
            </Text>
          )}
        </span>
      </Group>
    );
  });
}
