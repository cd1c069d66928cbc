import { describe, expect, it } from "vitest";
import type { LogEntry } from "@/api/types";
import { linesOf, matches, newerThan } from "./lines";
import { logSearch } from "./search";

const entry = (id: number, more: Partial<LogEntry> = {}): LogEntry => ({
  id,
  timestamp: "2026-11-26T10:00:00Z",
  level: "INFO",
  module: "ir_engine::drive",
  message: "drew 1 picture",
  requestId: "req_1",
  fields: { task: "text" },
  ...more,
});

describe("the live log", () => {
  it("is filtered by weight and by words", () => {
    expect(matches(entry(1), "INFO", "")).toBe(true);
    expect(matches(entry(1), "WARN", "")).toBe(false);
    expect(matches(entry(1, { level: "ERROR" }), "WARN", " ")).toBe(true);
    expect(matches(entry(1), "TRACE", "DREW engine req_1 task=text")).toBe(true);
    expect(matches(entry(1), "TRACE", "drew nothing")).toBe(false);
  });

  it("marks what was missed where it was missed", () => {
    const lines = linesOf(
      [entry(1), entry(2)],
      [
        { after: 1, missed: 3 },
        { after: 1, missed: 2 },
        { after: 99, missed: 7 },
        { after: null, missed: 1 },
      ],
    );
    expect(lines.map((line) => (line.kind === "gap" ? line.missed : line.id))).toEqual([1, "1", 5, "2"]);
    expect(new Set(lines.map(({ id }) => id)).size).toBe(4);
  });

  it("counts what has come since", () => {
    const lines = linesOf([entry(1), entry(2), entry(3)], []);
    expect(newerThan(lines, lines.slice(0, 1))).toBe(2);
    expect(newerThan(lines, lines)).toBe(0);
    expect(newerThan(lines, [])).toBe(3);
    // The shown lines may have fallen out of memory meanwhile.
    expect(newerThan(lines, linesOf([entry(0)], []))).toBe(3);
  });

  it("is opened with a level and a text", () => {
    expect(logSearch({ level: "WARN", q: 42 })).toEqual({ level: "WARN", q: "42" });
    expect(logSearch({ level: "LOUD" })).toEqual({});
  });
});
