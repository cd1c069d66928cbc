import { describe, expect, it } from "vitest";
import { extend, NOTHING, toggle, without } from "./selection";

const order = ["a", "b", "c", "d", "e"];
const names = (selection: { names: ReadonlySet<string> }) => [...selection.names].sort();

describe("selecting pictures", () => {
  it("takes and gives back single ones", () => {
    const one = toggle(NOTHING, "b");
    expect(names(one)).toEqual(["b"]);
    expect(names(toggle(one, "b"))).toEqual([]);
    expect(NOTHING.names.size).toBe(0);
  });

  it("draws a range in either direction from where the last choice was made", () => {
    const anchored = toggle(NOTHING, "c");
    expect(names(extend(anchored, order, "e"))).toEqual(["c", "d", "e"]);
    expect(names(extend(extend(anchored, order, "e"), order, "a"))).toEqual(order);
  });

  it("begins anew when the anchor is gone, and ignores what it does not know", () => {
    expect(extend(NOTHING, order, "d")).toEqual({ names: new Set(["d"]), anchor: "d" });
    expect(names(extend({ names: new Set(["a"]), anchor: "z" }, order, "d"))).toEqual(["a", "d"]);
    expect(extend(NOTHING, order, "z")).toBe(NOTHING);
  });

  it("forgets what was deleted", () => {
    expect(without({ names: new Set(["a", "b"]), anchor: "a" }, ["a"])).toEqual({
      names: new Set(["b"]),
      anchor: null,
    });
  });
});
