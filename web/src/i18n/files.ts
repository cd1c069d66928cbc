/** The texts' files, and which of them to begin with. Needs nothing else: it runs before everything. */
export const LANGUAGES = { en: "English", "zh-CN": "简体中文" } as const;
export type Language = keyof typeof LANGUAGES;

export const STORED_AT = "img-router.language";

/** The language to begin with: the one chosen before, else the browser's first that we speak. */
export function pickLanguage(stored: string | null, preferred: readonly string[]): Language {
  if (stored !== null && stored in LANGUAGES) return stored as Language;
  for (const tag of preferred) {
    if (/^zh\b/i.test(tag)) return "zh-CN";
    if (/^en\b/i.test(tag)) return "en";
  }
  return "en";
}

/** The language to begin with in this browser. */
export const firstLanguage = () => pickLanguage(localStorage.getItem(STORED_AT), navigator.languages);

/** Each namespace of each language is a file of its own, fetched with the page that needs it. */
const files = import.meta.glob<Record<string, unknown>>("./locales/*/*.json", { import: "default" });

export function textsOf(language: string, namespace: string) {
  return files[`./locales/${language}/${namespace}.json`]?.();
}
