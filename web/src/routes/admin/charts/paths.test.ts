import { describe, expect, it } from "vitest";
import { area, bar, curve } from "./paths";

/** The numbers of a path's curve, by point: two handles and the end. */
const curves = (path: string) =>
  [...path.matchAll(/C([^CLZ]+)/g)].map(([, text = ""]) => text.split(/[ ,]/).map(Number));

describe("a curve", () => {
  it("goes through its points", () => {
    const path = curve([
      { x: 0, y: 10 },
      { x: 30, y: 40 },
      { x: 60, y: 0 },
    ]);
    expect(path.startsWith("M0,10C")).toBe(true);
    expect(curves(path).map((numbers) => numbers.slice(4))).toEqual([
      [30, 40],
      [60, 0],
    ]);
  });

  it("never leaves the range of its neighbours", () => {
    const ys = [0, 0, 50, 51, 3, 3, 80, 0];
    const path = curve(ys.map((y, index) => ({ x: index * 10, y })));
    for (const [index, [, first = 0, , second = 0]] of curves(path).entries()) {
      const [from = 0, to = 0] = [ys[index], ys[index + 1]];
      for (const handle of [first, second]) {
        expect(handle).toBeGreaterThanOrEqual(Math.min(from, to) - 0.01);
        expect(handle).toBeLessThanOrEqual(Math.max(from, to) + 0.01);
      }
    }
  });

  it("of one point is that point, and of none nothing", () => {
    expect(curve([{ x: 5, y: 5 }])).toBe("M5,5");
    expect(curve([])).toBe("");
    expect(area([], 10)).toBe("");
  });
});

it("closes an area along the axis", () => {
  const line = [
    { x: 0, y: 0 },
    { x: 30, y: 0 },
  ];
  expect(area(line, 20)).toBe("M0,0C10,0 20,0 30,0L30,20L0,20Z");
});

describe("a bar", () => {
  it("is round at the end where its value is", () => {
    expect(bar({ x: 0, y: 0, width: 10, height: 20, round: "none" })).toBe("M0,0h10v20h-10Z");
    expect(bar({ x: 0, y: 0, width: 10, height: 20, round: "top" })).toBe(
      "M0,20V2a2,2 0 0 1 2,-2H8a2,2 0 0 1 2,2V20Z",
    );
    expect(bar({ x: 0, y: 0, width: 20, height: 10, round: "right" })).toBe(
      "M0,0H18a2,2 0 0 1 2,2V8a2,2 0 0 1 -2,2H0Z",
    );
  });

  it("without a value is not there", () => {
    expect(bar({ x: 0, y: 0, width: 10, height: 0, round: "top" })).toBe("");
    expect(bar({ x: 0, y: 0, width: -1, height: 5, round: "right" })).toBe("");
  });
});
