import { Badge, Box } from "@mantine/core";
import type { ReactNode } from "react";

export type Tone = "good" | "warning" | "bad" | "idle" | "info";

const COLORS: Record<Tone, string> = {
  good: "green",
  warning: "orange",
  bad: "red",
  idle: "gray",
  info: "brand",
};
const DOTS: Record<Tone, string> = {
  good: "var(--panel-good)",
  warning: "var(--panel-warning)",
  bad: "var(--panel-bad)",
  idle: "var(--panel-idle)",
  info: "var(--mantine-primary-color-filled)",
};

/** A coloured dot; meaning must also stand in the text beside it. */
export function StatusDot({ tone }: { tone: Tone }) {
  return <Box aria-hidden w={8} h={8} bg={DOTS[tone]} style={{ borderRadius: "50%", flex: "none" }} />;
}

/** A state in a word and a colour. */
export function StatusBadge({ tone, children }: { tone: Tone; children: ReactNode }) {
  return (
    <Badge
      variant="light"
      color={COLORS[tone]}
      radius="sm"
      tt="none"
      fw={550}
      leftSection={<StatusDot tone={tone} />}
      style={{ flex: "none" }}
    >
      {children}
    </Badge>
  );
}
