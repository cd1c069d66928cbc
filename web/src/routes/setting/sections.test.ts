import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import type { Setting } from "@/api/types";
import { textKey } from "@/ui/settings/texts";
import english from "../../i18n/locales/en/settings.json";
import { SECTION_NAMES, sectionOf, settingsOf } from "./sections";

const table: Setting[] = JSON.parse(
  readFileSync(new URL("../../../mock/data/settings.json", import.meta.url), "utf8"),
);

it("shows every setting in exactly one section", () => {
  const shown = SECTION_NAMES.flatMap((name) => settingsOf(name, table)).map(({ path }) => path);
  const expected = table.filter(({ path }) => sectionOf(path) !== null).map(({ path }) => path);
  expect([...shown].sort()).toEqual([...expected].sort());
  expect(settingsOf("other", table)).toEqual([]);
});

it("has a name for every setting that it shows", () => {
  const named = (path: string) =>
    textKey(path)
      .split(".")
      .reduce<unknown>((tree, name) => (tree as Record<string, unknown> | undefined)?.[name], english);
  const nameless = table.filter(({ path }) => sectionOf(path) !== null || path.startsWith("providers."));
  expect(nameless.filter(({ path }) => named(path) === undefined).map(({ path }) => path)).toEqual([]);
});

it("puts a setting that is new to the panel among the others", () => {
  expect(sectionOf("future.thing")).toBe("other");
});
