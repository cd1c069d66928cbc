import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, it } from "vitest";

const SOURCE = new URL("..", import.meta.url).pathname;
const SHEETS = new URL("../../node_modules/@mantine/core/styles/", import.meta.url).pathname;

const sheetsOf = (file: string) =>
  [...readFileSync(join(SOURCE, file), "utf8").matchAll(/core\/styles\/([\w-]+)\.css/g)].map(
    ([, name = ""]) => name,
  );
const first = sheetsOf("app/styles.ts");
const more = sheetsOf("app/moreStyles.ts");

function* files(directory: string): Generator<string> {
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) yield* files(path);
    else if (entry.name.endsWith(".tsx")) yield path;
  }
}

/** The components of Mantine that have styles and are used in a file. */
function used(path: string): string[] {
  const text = readFileSync(path, "utf8");
  return [...text.matchAll(/import \{([^}]*)\} from "@mantine\/core"/g)]
    .flatMap(([, names = ""]) => names.split(",").map((part) => part.trim().split(" ")[0] ?? ""))
    .filter((name) => existsSync(`${SHEETS}${name}.css`));
}

/** A file and all that comes with it. */
function together(path: string, found = new Set<string>()): Set<string> {
  if (found.has(path)) return found;
  found.add(path);
  for (const [, name = ""] of readFileSync(path, "utf8").matchAll(
    /(?:from|^import) "((?:\.{1,2}|@)\/[^"]+)"/gm,
  )) {
    const base = name.startsWith("@/") ? join(SOURCE, name.slice(2)) : join(dirname(path), name);
    const file = [".tsx", ".ts", "/index.tsx", "/index.ts"].map((ending) => base + ending).find(existsSync);
    if (file) together(file, found);
  }
  return found;
}

it("imports the styles of every component of Mantine that is used", () => {
  const names = new Set([...files(SOURCE)].flatMap(used));
  expect([...names].filter((name) => !first.includes(name) && !more.includes(name))).toEqual([]);
});

it("has the styles of what comes first in the first sheet", () => {
  const begin = [
    "main.tsx",
    "app/shell/HeaderTools.tsx",
    "ui/CopyButton.tsx",
    "routes/admin/charts/index.tsx",
  ];
  const paths = new Set(begin.flatMap((name) => [...together(join(SOURCE, name))]));
  expect(paths.size).toBeGreaterThan(50);
  const names = new Set([...paths].flatMap(used));
  expect(names.has("AppShell")).toBe(true);
  expect([...names].filter((name) => !first.includes(name))).toEqual([]);
});

it("has every sheet once", () => {
  const all = [...first, ...more];
  expect(all).toHaveLength(new Set(all).size);
});

it.each([
  ["the first", first],
  ["the other", more],
])("keeps in %s sheet the order of Mantine's whole sheet", (_, imported) => {
  const whole = readFileSync(join(SHEETS, "../styles.css"), "utf8");
  const places = imported.flatMap((name) => {
    const sign = /\.m_[0-9a-f]+/.exec(readFileSync(`${SHEETS}${name}.css`, "utf8"))?.[0];
    return sign ? [whole.indexOf(sign)] : [];
  });
  expect(places).toEqual([...places].sort((one, other) => one - other));
});
