import { describe, expect, it } from "vitest";
import { barOf, spanOf, ticksOf } from "./scale";

const attempts = [
  { startedMs: 0, durationMs: 2_000 },
  { startedMs: 2_010, durationMs: 7_990 },
];

describe("the timeline of attempts", () => {
  it("is as long as the request, or as its attempts", () => {
    expect(spanOf(12_000, attempts)).toBe(12_000);
    expect(spanOf(9_000, attempts)).toBe(10_000);
    expect(spanOf(0, [])).toBe(1);
  });

  it("places bars to scale", () => {
    expect(barOf({ startedMs: 2_000, durationMs: 6_000 }, 10_000)).toEqual({ left: 20, width: 60 });
  });

  it("shows what took no time, inside of the line", () => {
    expect(barOf({ startedMs: 10_000, durationMs: 0 }, 10_000)).toEqual({ left: 99.4, width: 0.6 });
    expect(barOf({ startedMs: 0, durationMs: 0 }, 10_000).width).toBe(0.6);
  });

  it("is marked at round moments", () => {
    expect(ticksOf(10_000)).toEqual([0, 2_000, 4_000, 6_000, 8_000, 10_000]);
    expect(ticksOf(23_400)).toEqual([0, 5_000, 10_000, 15_000, 20_000]);
    expect(ticksOf(2)).toEqual([0, 1, 2]);
    expect(ticksOf(870)).toEqual([0, 200, 400, 600, 800]);
    for (const span of [1, 3, 47, 999, 61_234, 3_600_000]) {
      expect(ticksOf(span).length).toBeLessThanOrEqual(6);
      expect(ticksOf(span).at(-1)).toBeLessThanOrEqual(span);
    }
  });
});
