import { EmptyState } from "@mantine/core";
import type { ReactNode } from "react";

interface Props {
  icon: ReactNode;
  title: string;
  /** What to do next. */
  description?: ReactNode;
  action?: ReactNode;
}

/** Nothing to show yet, and the next step. */
export function Empty({ icon, title, description, action }: Props) {
  return (
    <EmptyState icon={icon} title={title} description={description} variant="light" size="sm" py="xl" px="md">
      {action && <EmptyState.Actions>{action}</EmptyState.Actions>}
    </EmptyState>
  );
}
