import { Button, Tooltip } from "@mantine/core";
import { IconPlugConnected } from "@tabler/icons-react";
import { useMutation } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { api } from "@/api/client";
import type { TrialResult } from "@/api/types";
import { notifyTrial } from "@/ui/toast";

interface Props {
  call: string;
  /** What is tried is what is saved: unsaved changes must be saved first. */
  unsaved: boolean;
}

/** Tries out what a section configures. */
export function TrialButton({ call, unsaved }: Props) {
  const { t } = useTranslation(["setting", "common"]);
  const trial = useMutation({
    mutationFn: () => api.post<TrialResult>(call),
    onSuccess: notifyTrial,
  });
  return (
    <Tooltip label={t("trial.saveFirst")} disabled={!unsaved}>
      <Button
        size="xs"
        variant="default"
        leftSection={<IconPlugConnected size={15} aria-hidden />}
        loading={trial.isPending}
        aria-disabled={unsaved}
        data-disabled={unsaved || undefined}
        onClick={() => !unsaved && trial.mutate()}
      >
        {t("common:action.test")}
      </Button>
    </Tooltip>
  );
}
