import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

const ROOT = new URL("./locales/", import.meta.url);
type Tree = { [name: string]: string | Tree };

const read = (language: string, file: string): Tree =>
  JSON.parse(readFileSync(new URL(`${language}/${file}`, ROOT), "utf8"));

/** Every text by its key. Chinese has one plural form: `_one` is English only. */
function flatten(tree: Tree, above = ""): Map<string, string> {
  const flat = new Map<string, string>();
  for (const [name, value] of Object.entries(tree)) {
    const path = above ? `${above}.${name}` : name;
    if (typeof value === "string") {
      if (!path.endsWith("_one")) flat.set(path, value);
    } else {
      for (const [inner, text] of flatten(value, path)) flat.set(inner, text);
    }
  }
  return flat;
}

const placeholders = (text: string) =>
  [...text.matchAll(/\{\{(\w+)[^}]*\}\}|<\/?\d+\/?>/g)].map(([all]) => all).sort();

describe("texts", () => {
  const names = readdirSync(new URL("en/", ROOT));

  it("has the same files in both languages", () => {
    expect(readdirSync(new URL("zh-CN/", ROOT)).sort()).toEqual([...names].sort());
  });

  it.each(names)("%s says the same in both languages", (file) => {
    const english = flatten(read("en", file));
    const chinese = flatten(read("zh-CN", file));
    expect([...chinese.keys()].sort()).toEqual([...english.keys()].sort());
    for (const [key, text] of english) {
      const other = chinese.get(key) ?? "";
      expect(other.trim(), key).not.toBe("");
      expect(placeholders(other), key).toEqual(placeholders(text));
    }
  });
});
