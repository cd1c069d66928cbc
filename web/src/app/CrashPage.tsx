import { Button, Code, Stack, Text } from "@mantine/core";
import type { ErrorComponentProps } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { PageHeader } from "@/ui/PageHeader";

/** In the place of a page whose code threw. */
export function CrashPage({ error }: ErrorComponentProps) {
  const { t } = useTranslation();
  return (
    <>
      <PageHeader title={t("error.crashTitle")} description={t("error.crashBody")} />
      <Stack align="flex-start">
        <Button onClick={() => window.location.reload()}>{t("error.reload")}</Button>
        <Text size="sm" fw={550}>
          {t("error.details")}
        </Text>
        <Code block w="100%">
          {error instanceof Error ? `${error.name}: ${error.message}` : String(error)}
        </Code>
      </Stack>
    </>
  );
}
