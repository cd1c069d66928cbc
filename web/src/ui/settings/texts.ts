import { useCallback } from "react";
import { useTranslation } from "react-i18next";
import type { Setting } from "@/api/types";

/** Where the texts of a setting stand: those of platforms are the same for all of them. */
export function textKey(path: string): string {
  const [section, , ...rest] = path.split(".");
  return section === "providers"
    ? `provider.${rest.map((part) => (part === "edit" || part === "blend" ? "text" : part)).join(".")}`
    : path;
}

/** The name of a setting and what it is for; the server's own words for one that is new to the panel. */
export function useSettingTexts() {
  const { i18n } = useTranslation("settings");
  return useCallback(
    ({ path, doc }: Pick<Setting, "path" | "doc">) => {
      const texts: unknown = i18n.getResource(i18n.language, "settings", textKey(path));
      const known =
        typeof texts === "object" && texts !== null ? (texts as { label?: string; help?: string }) : {};
      return { label: known.label ?? path, help: known.help ?? doc };
    },
    [i18n, i18n.language],
  );
}
