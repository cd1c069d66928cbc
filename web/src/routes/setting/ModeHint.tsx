import { Alert } from "@mantine/core";
import { useTranslation } from "react-i18next";
import type { ConfigSnapshot } from "@/api/types";
import type { Draft } from "@/ui/settings/values";

interface Props {
  config: ConfigSnapshot;
  draft: Draft;
}

/** Says what the modes that are chosen come to, where that is not what one would want. */
export function ModeHint({ config, draft }: Props) {
  const { t } = useTranslation("setting");
  const relay = draft["system.modes.relay"] ?? String(config.modes.relay);
  const backend = draft["system.modes.backend"] ?? String(config.modes.backend);
  if (relay !== "true" && backend !== "true") return <Alert color="red">{t("modes.none")}</Alert>;
  if (backend === "true" && !config.hasGlobalKey && draft["system.globalAccessKey"] === undefined) {
    return <Alert color="orange">{t("modes.noKey")}</Alert>;
  }
  return null;
}
