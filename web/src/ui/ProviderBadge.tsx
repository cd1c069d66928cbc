import { useTranslation } from "react-i18next";
import type { Provider } from "@/api/types";
import { StatusBadge, type Tone } from "./StatusBadge";

type State = "off" | "unconfigured" | "noKeys" | Provider["breaker"];

const TONES: Record<State, Tone> = {
  off: "idle",
  unconfigured: "idle",
  noKeys: "bad",
  closed: "good",
  probing: "warning",
  open: "bad",
};

/** What keeps a platform from serving, the most decisive first. */
export function providerState({ enabled, configured, needsKey, keys, breaker }: Provider): State {
  if (!enabled) return "off";
  if (!configured) return "unconfigured";
  if (needsKey === "required" && keys.good === 0) return "noKeys";
  return breaker;
}

export function ProviderBadge({ provider }: { provider: Provider }) {
  const { t } = useTranslation();
  const state = providerState(provider);
  return <StatusBadge tone={TONES[state]}>{t(`providerState.${state}`)}</StatusBadge>;
}
