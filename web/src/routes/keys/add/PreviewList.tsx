import { Group, Table, Text } from "@mantine/core";
import { useTranslation } from "react-i18next";
import type { ImportPreview, ImportVerdict } from "@/api/types";
import { ScrollRegion } from "@/ui/ScrollRegion";
import { StatusBadge, type Tone } from "@/ui/StatusBadge";

const TONES: Record<ImportVerdict, Tone> = { new: "good", duplicate: "idle", wrong_format: "bad" };
const VERDICTS: readonly ImportVerdict[] = ["new", "duplicate", "wrong_format"];
/** More rows than this are only counted. */
const LISTED = 200;

/** What becomes of each key that was pasted. */
export function PreviewList({ items }: Pick<ImportPreview, "items">) {
  const { t } = useTranslation("keys");
  const count = (verdict: ImportVerdict) => items.filter((item) => item.verdict === verdict).length;
  return (
    <>
      <Group gap="xs" role="status">
        {VERDICTS.filter((verdict) => count(verdict) > 0).map((verdict) => (
          <StatusBadge key={verdict} tone={TONES[verdict]}>
            {t(`preview.${verdict}`)} {count(verdict)}
          </StatusBadge>
        ))}
      </Group>
      <ScrollRegion label={t("preview.title")} maxHeight={200}>
        <Table fz="sm" verticalSpacing={4}>
          <Table.Tbody>
            {items.slice(0, LISTED).map(({ masked, verdict }, index) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: the list is shown as it was pasted; masked keys repeat
              <Table.Tr key={index}>
                <Table.Td c="dimmed" w={48}>
                  {index + 1}
                </Table.Td>
                <Table.Td ff="monospace">{masked || t("hidden")}</Table.Td>
                <Table.Td ta="right">{t(`preview.${verdict}`)}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </ScrollRegion>
      {items.length > LISTED && (
        <Text size="xs" c="dimmed">
          {t("preview.more", { count: items.length - LISTED })}
        </Text>
      )}
    </>
  );
}
