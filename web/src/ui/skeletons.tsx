import { Card, Group, SimpleGrid, Skeleton, Stack } from "@mantine/core";
import { useTranslation } from "react-i18next";

const range = (count: number) => Array.from({ length: count }, (_, index) => index);

/** Tells assistive technology that something is on its way, around what only eyes can see. */
function Busy({ children }: { children: React.ReactNode }) {
  const { t } = useTranslation();
  return (
    <div role="status" aria-busy="true" aria-label={t("state.loading")}>
      {children}
    </div>
  );
}

export function TableSkeleton({ rows = 6 }: { rows?: number }) {
  return (
    <Busy>
      <Stack gap="md" p="md">
        {range(rows).map((row) => (
          <Group key={row} gap="lg" wrap="nowrap">
            <Skeleton h={14} w="22%" />
            <Skeleton h={14} w="16%" />
            <Skeleton h={14} w="12%" />
            <Skeleton h={14} flex={1} />
          </Group>
        ))}
      </Stack>
    </Busy>
  );
}

interface CardsProps {
  count?: number;
  height?: number;
  cols?: React.ComponentProps<typeof SimpleGrid>["cols"];
}

export function CardsSkeleton({ count = 3, height = 180, cols = { base: 1, sm: 2, lg: 3 } }: CardsProps) {
  return (
    <Busy>
      <SimpleGrid cols={cols}>
        {range(count).map((card) => (
          <Card key={card} h={height}>
            <Skeleton h={16} w="45%" mb="md" />
            <Skeleton h={12} mb="xs" />
            <Skeleton h={12} w="80%" />
          </Card>
        ))}
      </SimpleGrid>
    </Busy>
  );
}

export function FormSkeleton({ fields = 5 }: { fields?: number }) {
  return (
    <Busy>
      <Card>
        <Stack gap="lg">
          {range(fields).map((field) => (
            <div key={field}>
              <Skeleton h={12} w={140} mb={8} />
              <Skeleton h={36} />
            </div>
          ))}
        </Stack>
      </Card>
    </Busy>
  );
}

/** While the code of a page is fetched. */
export function PageSkeleton() {
  return (
    <Busy>
      <Skeleton h={30} w={200} mb="xl" />
      <SimpleGrid cols={{ base: 1, sm: 2, lg: 3 }}>
        {range(3).map((card) => (
          <Skeleton key={card} h={140} />
        ))}
      </SimpleGrid>
    </Busy>
  );
}
