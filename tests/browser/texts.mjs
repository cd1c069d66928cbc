// The panel's own texts, so that tests look for what users read in either language.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";

const LOCALES = resolve(import.meta.dirname, "../../web/src/i18n/locales");

/** Answers the text of `namespace:path.to.it` as the panel shows it. */
export function textsOf(language) {
  const files = new Map();
  const plural = new Intl.PluralRules(language);
  const read = (namespace) => {
    if (!files.has(namespace)) files.set(namespace, JSON.parse(readFileSync(join(LOCALES, language, `${namespace}.json`), "utf8")));
    return files.get(namespace);
  };
  return (key, values = {}) => {
    const [namespace, path] = key.split(":");
    const steps = path.split(".");
    const last = steps.pop();
    const group = steps.reduce((at, name) => at?.[name], read(namespace));
    const find = (end) => group?.[last + end];
    const text = (values.count === undefined ? undefined : find(`_${plural.select(values.count)}`)) ?? find("");
    assert.equal(typeof text, "string", `no text ${key} in ${language}`);
    return text.replace(/\{\{(\w+)\}\}/g, (whole, name) => String(values[name] ?? whole));
  };
}

/** A text of which parts are not known, as a pattern. */
export function patternOf(text) {
  return new RegExp(text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&").replace(/\\\{\\\{\w+\\\}\\\}/g, ".*"));
}
