import { Box, Card, Group, Text, Title } from "@mantine/core";
import { type ReactNode, useId } from "react";

interface Props {
  title: ReactNode;
  description?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
  /** Lets a table reach the edges of the card. */
  flush?: boolean;
  h?: string;
}

/** A card with a heading: the building block of pages. */
export function Section({ title, description, actions, children, flush = false, h }: Props) {
  const heading = useId();
  return (
    <Card component="section" aria-labelledby={heading} {...(h ? { h } : {})}>
      <Group justify="space-between" align="flex-start" gap="sm" mb="sm" wrap="nowrap">
        <Box miw={0}>
          <Title order={2} id={heading}>
            {title}
          </Title>
          {description && (
            <Text size="sm" c="dimmed" mt={2}>
              {description}
            </Text>
          )}
        </Box>
        {actions && (
          <Group gap="xs" wrap="nowrap">
            {actions}
          </Group>
        )}
      </Group>
      {flush ? <Card.Section>{children}</Card.Section> : children}
    </Card>
  );
}
