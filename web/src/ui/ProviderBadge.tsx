import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { configQuery } from "@/api/queries";
import type { Provider } from "@/api/types";
import { StatusBadge, type Tone } from "./StatusBadge";

type State = "off" | "onlyNamed" | "unconfigured" | "noKeys" | Provider["breaker"];

const TONES: Record<State, Tone> = {
  off: "idle",
  onlyNamed: "idle",
  unconfigured: "idle",
  noKeys: "bad",
  closed: "good",
  probing: "warning",
  open: "bad",
};

/** The renderer in the gateway: outside demo mode it draws for those only who name it. */
const BUILT_IN = "Local";

/** What keeps a platform from serving, the most decisive first. */
export function providerState(provider: Provider, demo: boolean): State {
  const { name, enabled, configured, needsKey, keys, breaker } = provider;
  if (!enabled) return "off";
  if (name === BUILT_IN && !demo) return "onlyNamed";
  if (!configured) return "unconfigured";
  if (needsKey === "required" && keys.good === 0) return "noKeys";
  return breaker;
}

/** Whether requests that name no platform can come to this one at all. */
export function takesPart(provider: Provider, demo: boolean): boolean {
  const state = providerState(provider, demo);
  return state !== "off" && state !== "onlyNamed";
}

export function ProviderBadge({ provider }: { provider: Provider }) {
  const { t } = useTranslation();
  const { data: config } = useQuery(configQuery);
  const state = providerState(provider, config?.demo ?? false);
  return <StatusBadge tone={TONES[state]}>{t(`providerState.${state}`)}</StatusBadge>;
}
