import i18next, { type BackendModule } from "i18next";
import { initReactI18next } from "react-i18next";

export const LANGUAGES = { en: "English", "zh-CN": "简体中文" } as const;
export type Language = keyof typeof LANGUAGES;

const STORED_AT = "img-router.language";

/** The language to begin with: the one chosen before, else the browser's first that we speak. */
export function pickLanguage(stored: string | null, preferred: readonly string[]): Language {
  if (stored !== null && stored in LANGUAGES) return stored as Language;
  for (const tag of preferred) {
    if (/^zh\b/i.test(tag)) return "zh-CN";
    if (/^en\b/i.test(tag)) return "en";
  }
  return "en";
}

/** Each namespace of each language is a file of its own, fetched with the page that needs it. */
const files = import.meta.glob<Record<string, unknown>>("./locales/*/*.json", { import: "default" });

const backend: BackendModule = {
  type: "backend",
  init: () => undefined,
  read: (language, namespace, done) => {
    const load = files[`./locales/${language}/${namespace}.json`];
    if (!load) return done(new Error(`no texts: ${language}/${namespace}`), null);
    load().then(
      (texts) => done(null, texts),
      (error: Error) => done(error, null),
    );
  },
};

export function startI18n(): Promise<unknown> {
  i18next.on("languageChanged", (language) => {
    document.documentElement.lang = language;
  });
  return i18next
    .use(backend)
    .use(initReactI18next)
    .init({
      lng: pickLanguage(localStorage.getItem(STORED_AT), navigator.languages),
      supportedLngs: Object.keys(LANGUAGES),
      load: "currentOnly",
      fallbackLng: false,
      ns: ["common"],
      defaultNS: "common",
      interpolation: { escapeValue: false },
    });
}

export function language(): Language {
  return i18next.language as Language;
}

export async function switchLanguage(to: Language) {
  localStorage.setItem(STORED_AT, to);
  await i18next.changeLanguage(to);
}
