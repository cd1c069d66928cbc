import { expect, it } from "vitest";
import { flawsOf, rowsOf, toSpaces } from "./spaceRows";

const row = (model: string, main: string, backup = "") => ({ id: model + main, model, main, backup });

it("leads from a map to rows and back", () => {
  const map = {
    a: { main: "https://a.hf.space", backup: "https://b.hf.space" },
    b: { main: "https://c.hf.space" },
  };
  expect(toSpaces(rowsOf(map))).toEqual(map);
});

it("finds what is missing, doubled or no address", () => {
  const rows = [
    row("a", "https://a.hf.space"),
    row(" a ", "https://x"),
    row("", "https://x"),
    row("b", "b.hf.space"),
  ];
  expect(flawsOf(rows)).toEqual([
    null,
    { field: "model", kind: "twice" },
    { field: "model", kind: "missing" },
    { field: "main", kind: "url" },
  ]);
});
