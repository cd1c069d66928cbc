import { describe, expect, it } from "vitest";
import { durationTicks, nameEvery, place, shortened, textWidth, ticks } from "./scale";

describe("ticks", () => {
  it("are round, and reach the greatest value", () => {
    expect(ticks(27)).toEqual([0, 10, 20, 30]);
    expect(ticks(100)).toEqual([0, 25, 50, 75, 100]);
    expect(ticks(0.3)).toEqual([0, 0.1, 0.2, 0.3]);
    expect(ticks(88)).toEqual([0, 25, 50, 75, 100]);
  });

  it("are whole numbers where only those exist", () => {
    expect(ticks(1, { whole: true })).toEqual([0, 1]);
    expect(ticks(3, { whole: true })).toEqual([0, 1, 2, 3]);
    expect(ticks(9, { whole: true })).toEqual([0, 5, 10]);
    expect(ticks(2, { whole: true })).toEqual([0, 1, 2]);
  });

  it("are there without any value", () => {
    expect(ticks(0)).toEqual([0, 1]);
    expect(ticks(Number.NaN)).toEqual([0, 1]);
  });

  it("hold for values of every size", () => {
    for (let value = 0.013; value < 1e12; value *= 1.7) {
      for (const whole of [false, true]) {
        const scale = ticks(value, { whole });
        expect(scale[0]).toBe(0);
        expect(scale.at(-1)).toBeGreaterThanOrEqual(value * (1 - 1e-6));
        expect(scale.at(-2)).toBeLessThan(value);
        expect(scale.length).toBeLessThanOrEqual(6);
        if (whole) expect(scale.every(Number.isInteger)).toBe(true);
      }
    }
  });

  it("of durations are parts of minutes beyond two of them", () => {
    expect(durationTicks(90)).toEqual([0, 25, 50, 75, 100]);
    expect(durationTicks(100_000)).toEqual([0, 25_000, 50_000, 75_000, 100_000]);
    expect(durationTicks(390_000)).toEqual([0, 120_000, 240_000, 360_000, 480_000]);
  });
});

it("places values on an axis that goes up or along", () => {
  expect(place(0, 10, 100, 0)).toBe(100);
  expect(place(5, 10, 100, 0)).toBe(50);
  expect(place(10, 10, 20, 220)).toBe(220);
});

it("leaves out names that would touch", () => {
  expect(nameEvery(100, 60)).toBe(1);
  expect(nameEvery(20, 60)).toBe(3);
  expect(nameEvery(0, 60)).toBeGreaterThan(1_000);
});

it("shortens a text to its room", () => {
  expect(shortened("NewApi", 80)).toBe("NewApi");
  const short = shortened("a channel with a long name", 80);
  expect(short.endsWith("…")).toBe(true);
  expect(textWidth(short)).toBeLessThanOrEqual(80);
  expect(textWidth("字")).toBeGreaterThan(textWidth("a"));
});
