import { useTranslation } from "react-i18next";
import type { Tone } from "../StatusBadge";

/** How an outcome is called and shown: `ok`, or the class of the failure. */
export function useOutcome() {
  const { t } = useTranslation();
  return (outcome: string): { label: string; tone: Tone } => ({
    label: t(`outcome.${outcome}`, { defaultValue: outcome }),
    tone: outcome === "ok" ? "good" : outcome === "cancelled" ? "idle" : "bad",
  });
}
