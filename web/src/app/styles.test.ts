import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";

const SOURCE = new URL("..", import.meta.url).pathname;
const SHEETS = new URL("../../node_modules/@mantine/core/styles/", import.meta.url).pathname;
const imported = [
  ...readFileSync(join(SOURCE, "app/styles.ts"), "utf8").matchAll(/styles\/([\w-]+)\.css/g),
].map(([, name = ""]) => name);

function* files(directory: string): Generator<string> {
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) yield* files(path);
    else if (entry.name.endsWith(".tsx")) yield path;
  }
}

it("imports the styles of every component of Mantine that is used", () => {
  const missing = new Set<string>();
  for (const path of files(SOURCE)) {
    for (const [, names = ""] of readFileSync(path, "utf8").matchAll(
      /import \{([^}]*)\} from "@mantine\/core"/g,
    )) {
      for (const name of names.split(",").map((part) => part.trim().split(" ")[0] ?? "")) {
        if (existsSync(`${SHEETS}${name}.css`) && !imported.includes(name)) missing.add(name);
      }
    }
  }
  expect([...missing]).toEqual([]);
});

it("keeps the order of Mantine's whole sheet", () => {
  const whole = readFileSync(join(SHEETS, "../styles.css"), "utf8");
  const places = imported.flatMap((name) => {
    const sign = /\.m_[0-9a-f]+/.exec(readFileSync(`${SHEETS}${name}.css`, "utf8"))?.[0];
    return sign ? [whole.indexOf(sign)] : [];
  });
  expect(places).toEqual([...places].sort((one, other) => one - other));
});
