import i18next, { type BackendModule } from "i18next";
import { initReactI18next } from "react-i18next";
import { firstLanguage, LANGUAGES, type Language, STORED_AT, textsOf } from "./files";

export { LANGUAGES, type Language } from "./files";

const backend: BackendModule = {
  type: "backend",
  init: () => undefined,
  read: (language, namespace, done) => {
    const texts = textsOf(language, namespace);
    if (!texts) return done(new Error(`no texts: ${language}/${namespace}`), null);
    texts.then(
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
      lng: firstLanguage(),
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
