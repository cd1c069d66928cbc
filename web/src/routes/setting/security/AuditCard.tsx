import { Button, Center, Table, Text } from "@mantine/core";
import { IconHistory } from "@tabler/icons-react";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { auditQuery } from "@/api/queries";
import type { AuditEntry } from "@/api/types";
import { Empty } from "@/ui/Empty";
import { Loaded } from "@/ui/Loaded";
import { ScrollRegion } from "@/ui/ScrollRegion";
import { Section } from "@/ui/Section";
import { StatusBadge } from "@/ui/StatusBadge";
import { TableSkeleton } from "@/ui/skeletons";
import { RelativeTime } from "@/ui/time";

/** Who changed what, newest first. */
export function AuditCard() {
  const { t } = useTranslation(["setting", "common"]);
  const audit = useInfiniteQuery(auditQuery);
  return (
    <Section flush title={t("audit.title")} description={t("audit.description")}>
      <Loaded query={audit} skeleton={<TableSkeleton rows={8} />}>
        {({ pages }) => {
          const items = pages.flatMap((page) => page.items);
          if (items.length === 0)
            return <Empty icon={<IconHistory aria-hidden />} title={t("audit.empty")} />;
          return (
            <>
              <ScrollRegion maxHeight={420} label={t("audit.title")}>
                <Entries items={items} />
              </ScrollRegion>
              {audit.hasNextPage && (
                <Center p="sm">
                  <Button
                    variant="subtle"
                    size="xs"
                    loading={audit.isFetchingNextPage}
                    onClick={() => void audit.fetchNextPage()}
                  >
                    {t("common:action.showMore")}
                  </Button>
                </Center>
              )}
            </>
          );
        }}
      </Loaded>
    </Section>
  );
}

function Entries({ items }: { items: AuditEntry[] }) {
  const { t } = useTranslation(["setting", "common"]);
  return (
    <Table miw={640} stickyHeader horizontalSpacing="md" verticalSpacing={7}>
      <Table.Thead>
        <Table.Tr>
          {(["time", "action", "target", "actor", "outcome"] as const).map((name) => (
            <Table.Th key={name}>{t(`audit.${name}`)}</Table.Th>
          ))}
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {items.map((entry) => (
          <Table.Tr key={entry.id}>
            <Table.Td>
              <RelativeTime time={entry.time} />
            </Table.Td>
            <Table.Td>
              <Text size="sm" ff="monospace">
                {entry.action}
              </Text>
            </Table.Td>
            <Table.Td>{entry.target}</Table.Td>
            <Table.Td>
              {entry.actor}{" "}
              <Text span size="xs" c="dimmed">
                {entry.address}
              </Text>
            </Table.Td>
            <Table.Td>
              <StatusBadge tone={entry.outcome === "ok" ? "good" : "bad"}>
                {entry.outcome === "ok" ? t("common:outcome.ok") : entry.outcome}
              </StatusBadge>
            </Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}
