import { Alert } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { clientKeysQuery } from "@/api/queries";
import type { ConfigSnapshot } from "@/api/types";
import type { Draft } from "@/ui/settings/values";

interface Props {
  config: ConfigSnapshot;
  draft: Draft;
}

/** Says what the modes that are chosen come to, where that is not what one would want. */
export function ModeHint({ config, draft }: Props) {
  const { t } = useTranslation("setting");
  const clients = useQuery(clientKeysQuery);
  const relay = draft["system.modes.relay"] ?? String(config.modes.relay);
  const backend = draft["system.modes.backend"] ?? String(config.modes.backend);
  if (relay !== "true" && backend !== "true") return <Alert color="red">{t("modes.none")}</Alert>;
  const anyKey =
    config.hasGlobalKey || draft["system.globalAccessKey"] !== undefined || clients.data?.length !== 0;
  if (backend === "true" && !anyKey) {
    return <Alert color="orange">{t("modes.noKey")}</Alert>;
  }
  return null;
}
