import { useBlocker } from "@tanstack/react-router";
import { useEffect } from "react";
import { useTranslation } from "react-i18next";
import { useConfirm } from "./confirm";

/** Asks before unsaved changes are left behind. The texts are those of the settings: `setting`. */
export function useLeaveGuard(dirty: boolean) {
  const { t } = useTranslation("setting");
  const confirm = useConfirm();
  const { status, proceed, reset } = useBlocker({
    shouldBlockFn: ({ current, next }) => dirty && current.pathname !== next.pathname,
    enableBeforeUnload: dirty,
    withResolver: true,
  });
  useEffect(() => {
    if (status !== "blocked") return;
    void confirm({
      title: t("leave.title"),
      body: t("leave.body"),
      confirm: t("leave.confirm"),
      danger: true,
    }).then((yes) => (yes ? proceed?.() : reset?.()));
  }, [status, confirm, t, proceed, reset]);
}
