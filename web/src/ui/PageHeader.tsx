import { Box, Group, Text, Title } from "@mantine/core";
import type { ReactNode } from "react";

interface Props {
  title: string;
  description?: ReactNode;
  /** Buttons of the whole page. */
  actions?: ReactNode;
}

/** The head of every page. Its title takes the focus after a navigation. */
export function PageHeader({ title, description, actions }: Props) {
  return (
    <Group justify="space-between" align="flex-start" mb="lg" gap="md">
      <Box flex="1 1 260px" miw={0}>
        <Title order={1} id="page-title" tabIndex={-1} style={{ outline: "none" }}>
          {title}
        </Title>
        {description && (
          <Text c="dimmed" size="sm" mt={4} maw={720}>
            {description}
          </Text>
        )}
      </Box>
      {actions && <Group gap="xs">{actions}</Group>}
    </Group>
  );
}
