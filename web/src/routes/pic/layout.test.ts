import { describe, expect, it } from "vitest";
import { justify, layOut, neighbour, ratioOf, rowOf } from "./layout";

const room = { width: 1000, target: 200, gap: 10 };

describe("the rows of the gallery", () => {
  it("fill the width without changing shapes", () => {
    const ratios = Array.from({ length: 40 }, (_, index) => [1, 1.5, 0.75][index % 3] ?? 1);
    const rows = justify(ratios, room);
    for (const { start, end, height } of rows.slice(0, -1)) {
      const sum = ratios.slice(start, end).reduce((total, ratio) => total + ratio, 0);
      expect(sum * height + room.gap * (end - start - 1)).toBeCloseTo(1000);
      expect(height).toBeGreaterThan(140);
      expect(height).toBeLessThan(260);
    }
  });

  it("hold every picture once, in order", () => {
    const rows = justify(
      Array.from({ length: 101 }, () => 1.3),
      room,
    );
    expect(
      rows.flatMap(({ start, end }) => Array.from({ length: end - start }, (_, at) => start + at)),
    ).toEqual(Array.from({ length: 101 }, (_, index) => index));
  });

  it("do not stretch the last one", () => {
    expect(justify([1], room)).toEqual([{ start: 0, end: 1, height: 200 }]);
    expect(justify([], room)).toEqual([]);
    expect(justify([1, 1], { ...room, width: 0 })).toEqual([]);
  });

  it("cut extreme shapes", () => {
    expect(ratioOf({ width: 8000, height: 100 })).toBe(2.6);
    expect(ratioOf({ width: 100, height: 8000 })).toBe(0.5);
    expect(ratioOf({ width: 0, height: 0 })).toBe(1);
  });

  it("stay when pictures are added at the end", () => {
    const items = Array.from({ length: 50 }, (_, index) => ({ width: 100 + (index % 7) * 20, height: 100 }));
    const first = layOut(items.slice(0, 20), room, null);
    const more = layOut(items, room, first);
    expect(more.rows).toEqual(justify(items.map(ratioOf), room));
    expect(more.rows[0]).toBe(first.rows[0]);
    expect(layOut(items, { ...room, width: 500 }, more).rows[0]).not.toEqual(more.rows[0]);
    expect(layOut(items.slice(1), room, more).ratios).toHaveLength(49);
  });

  it("know what is above and below", () => {
    const ratios = [1, 1, 1, 1, 1, 2, 2, 1];
    const rows = justify(ratios, room);
    expect(rows.map(({ start, end }) => [start, end])).toEqual([
      [0, 5],
      [5, 8],
    ]);
    expect(rowOf(rows, 4)).toBe(0);
    expect(rowOf(rows, 5)).toBe(1);
    expect(neighbour(rows, ratios, 0, 1)).toBe(5);
    expect(neighbour(rows, ratios, 4, 1)).toBe(7);
    expect(neighbour(rows, ratios, 7, -1)).toBe(4);
    expect(neighbour(rows, ratios, 2, -1)).toBe(2);
  });
});
