import { describe, expect, it } from "vitest";
import { type Placed, reweigh, share, type Weights } from "./order";

const cascade = (weights: Weights): Placed[] =>
  Object.entries(weights).map(([name, weight]) => ({ name, weight }));

/** The order that a cascade has with some weights changed. */
const orderWith = (before: Placed[], changes: Weights) =>
  before
    .map(({ name, weight }) => ({ name, weight: changes[name] ?? weight }))
    .sort((one, other) => other.weight - one.weight)
    .map(({ name }) => name);

describe("reweigh", () => {
  it("changes one weight where there is room", () => {
    expect(reweigh(cascade({ a: 60, b: 30, c: 10 }), 2, 1)).toEqual({ c: 45 });
    expect(reweigh(cascade({ a: 60, b: 30, c: 10 }), 2, 0)).toEqual({ c: 70 });
    expect(reweigh(cascade({ a: 60, b: 30, c: 10 }), 0, 2)).toEqual({ a: 1 });
  });

  it("leads to the order that was dragged, whatever the weights", () => {
    const samples: Weights[] = [
      { a: 10, b: 10, c: 10 },
      { a: 100, b: 100, c: 99, d: 1 },
      { a: 3, b: 2, c: 1 },
      { a: 1, b: 1 },
    ];
    for (const sample of samples) {
      const before = cascade(sample);
      for (const from of before.keys()) {
        for (const to of before.keys()) {
          if (from === to) continue;
          const wanted = before.map(({ name }) => name);
          wanted.splice(to, 0, ...wanted.splice(from, 1));
          const changes = reweigh(before, from, to);
          expect(orderWith(before, changes)).toEqual(wanted);
          for (const weight of Object.values(changes)) {
            expect(weight).toBeGreaterThanOrEqual(1);
            expect(weight).toBeLessThanOrEqual(100);
          }
        }
      }
    }
  });

  it("does nothing when nothing moved", () => {
    expect(reweigh(cascade({ a: 2, b: 1 }), 1, 1)).toEqual({});
    expect(reweigh([], 0, 1)).toEqual({});
  });
});

it("shares by weight", () => {
  expect(share(cascade({ a: 30, b: 10 }), 30)).toBe(0.75);
  expect(share([], 0)).toBe(0);
});
