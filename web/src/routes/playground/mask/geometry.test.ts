import { describe, expect, it } from "vitest";
import {
  brushInPicture,
  fitInto,
  paintsAnything,
  type Stroke,
  scaled,
  toPicture,
  withPoint,
} from "./geometry";

const picture = { width: 2048, height: 1024 };
const stroke: Stroke = { points: [{ x: 0, y: 0 }], size: 64, erases: false };

describe("mask painting", () => {
  it("fits the picture into the room", () => {
    expect(fitInto(picture, { width: 512, height: 512 })).toEqual({ width: 512, height: 256 });
    expect(fitInto(picture, { width: 4000, height: 512 })).toEqual({ width: 1024, height: 512 });
    expect(fitInto({ width: 100, height: 50 }, { width: 512, height: 512 })).toEqual({
      width: 100,
      height: 50,
    });
    expect(fitInto({ width: 10_000, height: 1 }, { width: 100, height: 100 })).toEqual({
      width: 100,
      height: 1,
    });
  });

  it("paints on the picture's own pixels", () => {
    const shown = { left: 10, top: 20, width: 512, height: 256 };
    expect(toPicture({ x: 10, y: 20 }, shown, picture)).toEqual({ x: 0, y: 0 });
    expect(toPicture({ x: 522, y: 276 }, shown, picture)).toEqual({ x: 2048, y: 1024 });
    expect(toPicture({ x: 0, y: 20 }, shown, picture)).toEqual({ x: -40, y: 0 });
    expect(brushInPicture(40, shown, picture)).toBe(160);
  });

  it("draws the same at another scale", () => {
    const to = { width: 512, height: 256 };
    expect(scaled({ ...stroke, points: [{ x: 1024, y: 512 }] }, picture, to)).toEqual({
      points: [{ x: 256, y: 128 }],
      size: 16,
      erases: false,
    });
  });

  it("leaves out points that change nothing", () => {
    expect(withPoint(stroke, { x: 2, y: 2 })).toBe(stroke);
    expect(withPoint(stroke, { x: 5, y: 0 }).points).toHaveLength(2);
  });

  it("knows when nothing is painted", () => {
    expect(paintsAnything([])).toBe(false);
    expect(paintsAnything([{ ...stroke, erases: true }])).toBe(false);
    expect(paintsAnything([stroke, { ...stroke, erases: true }])).toBe(true);
  });
});
