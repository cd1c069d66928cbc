import { ActionIcon, Button, CopyButton as Copier, Tooltip } from "@mantine/core";
import { IconCheck, IconCopy } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";

interface Props {
  value: string;
  /** What is copied, for screen readers and the tooltip: "Copy address". */
  label: string;
  /** Shows the label on a button instead of an icon alone. */
  full?: boolean;
}

export function CopyButton({ value, label, full = false }: Props) {
  const { t } = useTranslation();
  return (
    <Copier value={value} timeout={1_500}>
      {({ copied, copy }) => {
        const text = copied ? t("action.copied") : label;
        const icon = copied ? <IconCheck size={16} aria-hidden /> : <IconCopy size={16} aria-hidden />;
        const color = copied ? { color: "green" } : {};
        if (full) {
          return (
            <Button variant="default" leftSection={icon} onClick={copy} {...color}>
              {text}
            </Button>
          );
        }
        return (
          <Tooltip label={text}>
            <ActionIcon variant="subtle" color="gray" {...color} onClick={copy} aria-label={text}>
              {icon}
            </ActionIcon>
          </Tooltip>
        );
      }}
    </Copier>
  );
}
