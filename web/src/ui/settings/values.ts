/** Settings as text, as the server shows them, and as JSON, as it takes them. */
import type { ConfigPatch, ConfigValue, Setting } from "@/api/types";

/** What was changed and not yet saved, by path; null: back to the default. */
export type Draft = Record<string, string | null>;

const LISTS: readonly Setting["kind"][] = ["hosts", "nets", "origins", "names"];

export const isList = (kind: Setting["kind"]) => LISTS.includes(kind);

/** The entries of a list that is written with commas (also full-width ones). */
export function entries(text: string): string[] {
  return text
    .split(/[,，\n]/)
    .map((entry) => entry.trim())
    .filter(Boolean);
}

export function toJson(setting: Setting, text: string | null): ConfigValue {
  if (text === null || text.trim() === "") return null;
  switch (setting.kind) {
    case "bool":
      return text === "true";
    case "int":
    case "number":
      return Number(text);
    case "hosts":
    case "nets":
    case "origins":
    case "names":
      return entries(text);
    case "secret":
      return text;
    case "text":
    case "choice":
    case "url":
    case "ip":
    case "socket":
    case "size":
    case "models":
    case "spaces":
      return text.trim();
  }
}

/** A merge patch that makes the changes of a draft. */
export function toPatch(settings: readonly Setting[], draft: Draft): ConfigPatch {
  const patch: ConfigPatch = {};
  for (const setting of settings) {
    const text = draft[setting.path];
    if (text === undefined) continue;
    const names = setting.path.split(".");
    const last = names.pop() ?? "";
    let target = patch;
    for (const name of names) {
      const inner = target[name];
      const next: ConfigPatch =
        inner !== null && typeof inner === "object" && !Array.isArray(inner) ? inner : {};
      target[name] = next;
      target = next;
    }
    target[last] = toJson(setting, text);
  }
  return patch;
}

/** The draft with one more change; a change back to what is saved is none. */
export function withChange(draft: Draft, setting: Setting, text: string | null): Draft {
  const { [setting.path]: _, ...others } = draft;
  const saved = setting.source === "runtime" || setting.secret ? setting.value : null;
  const same = text === saved || (text !== null && !setting.secret && text === setting.value);
  return same ? others : { ...others, [setting.path]: text };
}

/** The changes that are not among those that were saved. */
export function without(draft: Draft, saved: Draft): Draft {
  return Object.fromEntries(Object.entries(draft).filter(([path, text]) => saved[path] !== text));
}

export type Flaw = "wholeNumber" | "number" | "tooSmall" | "tooLarge" | "tooLong" | "url";

/** What is plainly wrong with a value; the server knows better and has the last word. */
export function flawOf(setting: Setting, text: string | null): Flaw | null {
  if (text === null || text.trim() === "") return null;
  const { kind, min, max } = setting;
  if (kind === "int" || kind === "number") {
    const value = Number(text);
    if (!Number.isFinite(value)) return "number";
    if (kind === "int" && !Number.isInteger(value)) return "wholeNumber";
    if (min !== null && value < min) return "tooSmall";
    if (max !== null && value > max) return "tooLarge";
  }
  if (kind === "text" && max !== null && text.length > max) return "tooLong";
  if (kind === "url" && !/^https?:\/\/[^\s/]+/i.test(text)) return "url";
  return null;
}
