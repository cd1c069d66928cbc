import { expect, it } from "vitest";
import type { Key } from "@/api/types";
import { nextSort, successRate, viewOf } from "./view";

const key = (id: string, more: Partial<Key> = {}): Key => ({
  id,
  name: id,
  key: `...${id}`,
  enabled: true,
  status: "active",
  reason: null,
  cooldownUntil: null,
  lastError: null,
  lastUsed: null,
  addedAt: 0,
  totalCalls: 0,
  successCount: 0,
  errorCount: 0,
  inFlight: 0,
  baseUrl: null,
  models: [],
  provider: "Gitee",
  ...more,
});

const pool = [
  key("a", { addedAt: 1, totalCalls: 10, successCount: 5 }),
  key("b", { addedAt: 3, status: "cooling", totalCalls: 10, successCount: 10 }),
  key("c", { addedAt: 2, status: "disabled", models: ["Flux-Pro"] }),
];
const ids = (keys: Key[]) => keys.map(({ id }) => id).join("");

it("shows the newest first unless asked otherwise", () => {
  expect(ids(viewOf(pool, {}))).toBe("bca");
  expect(ids(viewOf(pool, { sort: "name" }))).toBe("abc");
  expect(ids(viewOf(pool, { sort: "status" }))).toBe("cba");
  expect(ids(viewOf(pool, { sort: "successRate", desc: true }))).toBe("bac");
});

it("filters by state and text", () => {
  expect(ids(viewOf(pool, { status: "cooling" }))).toBe("b");
  expect(ids(viewOf(pool, { q: "flux" }))).toBe("c");
  expect(ids(viewOf(pool, { q: "nothing" }))).toBe("");
});

it("knows no rate before the first call", () => {
  expect(pool.map(successRate)).toEqual([0.5, 1, null]);
});

it("goes round the orders of a column", () => {
  expect(nextSort({}, "name")).toEqual({ sort: "name" });
  expect(nextSort({ sort: "name" }, "name")).toEqual({ sort: "name", desc: true });
  expect(nextSort({ sort: "name", desc: true }, "name")).toEqual({});
});
