import { Alert, Button, Text } from "@mantine/core";
import { IconAlertTriangle, IconRefresh } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { errorText } from "./errors";

interface Props {
  error: unknown;
  onRetry?: () => void;
  title?: string;
}

/** A failure in the place of what could not be shown or done. */
export function ErrorState({ error, onRetry, title }: Props) {
  const { t } = useTranslation();
  return (
    <Alert
      role="alert"
      color="red"
      variant="light"
      icon={<IconAlertTriangle aria-hidden />}
      title={title ?? t("error.title")}
    >
      <Text size="sm">{errorText(error)}</Text>
      {onRetry && (
        <Button
          mt="sm"
          size="xs"
          variant="default"
          leftSection={<IconRefresh size={14} aria-hidden />}
          onClick={onRetry}
        >
          {t("action.retry")}
        </Button>
      )}
    </Alert>
  );
}
