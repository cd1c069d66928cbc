import { Button, Loader, Modal, Stack, Text } from "@mantine/core";
import { useEffect } from "react";
import { useTranslation } from "react-i18next";

/** Time for the new listener to be there; the page's policy forbids to ask it. */
const FOLLOW_AFTER_MS = 2_500;

function addressAt(port: number): string {
  const url = new URL(window.location.href);
  url.port = String(port);
  return url.href;
}

/** Follows the gateway to the port that it listens on now. */
export function PortMoved({ port }: { port: number | null }) {
  const { t } = useTranslation("setting");
  useEffect(() => {
    if (port === null) return;
    const timer = window.setTimeout(() => window.location.assign(addressAt(port)), FOLLOW_AFTER_MS);
    return () => window.clearTimeout(timer);
  }, [port]);
  return (
    <Modal
      opened={port !== null}
      onClose={() => undefined}
      withCloseButton={false}
      title={t("port.title", { port })}
    >
      <Stack align="center">
        <Loader />
        <Text size="sm">{t("port.body")}</Text>
        {port !== null && (
          <Button component="a" href={addressAt(port)} variant="light">
            {t("port.go")}
          </Button>
        )}
      </Stack>
    </Modal>
  );
}
