import { ActionIcon, type ActionIconProps, Tooltip } from "@mantine/core";
import type { ReactNode } from "react";

interface Props extends Pick<ActionIconProps, "color" | "loading" | "disabled" | "size" | "variant"> {
  /** What it does, for the tooltip and for screen readers. */
  label: string;
  onClick: () => void;
  /** For a button that stays in: whether it is in. */
  pressed?: boolean;
  children: ReactNode;
}

/** An icon that does something. */
export function ToolButton({ label, onClick, pressed, children, ...look }: Props) {
  return (
    <Tooltip label={label}>
      <ActionIcon
        variant="subtle"
        color="gray"
        size="lg"
        onClick={onClick}
        aria-label={label}
        aria-pressed={pressed}
        {...look}
      >
        {children}
      </ActionIcon>
    </Tooltip>
  );
}
