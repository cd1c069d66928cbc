import { Box } from "@mantine/core";
import type { ReactNode } from "react";

interface Props {
  label: string;
  children: ReactNode;
  maxHeight?: number;
}

/** What is wider (or higher) than its place: scrolls by itself, with the keyboard too. */
export function ScrollRegion({ label, children, maxHeight }: Props) {
  return (
    <Box
      role="group"
      tabIndex={0}
      aria-label={label}
      style={{ overflow: "auto", ...(maxHeight ? { maxHeight } : {}) }}
    >
      {children}
    </Box>
  );
}
