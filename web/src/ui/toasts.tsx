/** Short messages over the page: the place where they stand, and what they say. */
import { Button, Group, Text } from "@mantine/core";
import { Notifications, notifications } from "@mantine/notifications";
import i18next from "i18next";
import type { TrialResult } from "@/api/types";
import { errorText } from "./errors";
import "@/app/moreStyles";

export default function Toasts() {
  return <Notifications position="top-center" />;
}

const closeButtonProps = () => ({ "aria-label": i18next.t("action.close") });

export function done(message: string) {
  notifications.show({ message, color: "green", closeButtonProps: closeButtonProps() });
}

export function failed(error: unknown) {
  notifications.show({
    title: i18next.t("error.title"),
    message: errorText(error),
    color: "red",
    autoClose: 10_000,
    role: "alert",
    closeButtonProps: closeButtonProps(),
  });
}

export interface Undoable {
  message: string;
  onUndo: () => void;
  /** How long it can be undone. */
  ms?: number;
}

/** Says what was done, with a button to take it back. */
export function undo({ message, onUndo, ms = 8_000 }: Undoable) {
  const id = crypto.randomUUID();
  notifications.show({
    id,
    autoClose: ms,
    closeButtonProps: closeButtonProps(),
    message: (
      <Group justify="space-between" wrap="nowrap">
        <Text size="sm">{message}</Text>
        <Button
          size="compact-sm"
          variant="light"
          onClick={() => {
            notifications.hide(id);
            onUndo();
          }}
        >
          {i18next.t("action.undo")}
        </Button>
      </Group>
    ),
  });
}

/** The outcome of a trial, in the gateway's words. */
export function trial({ ok, message }: TrialResult) {
  notifications.show({
    title: i18next.t(ok ? "trial.ok" : "trial.failed"),
    message,
    color: ok ? "green" : "red",
    autoClose: ok ? 6_000 : 12_000,
    role: ok ? "status" : "alert",
    closeButtonProps: closeButtonProps(),
  });
}
