import { describe, expect, it } from "vitest";
import { EMPTY, isSize, shapeOf, taskOf, toFields, toSearch, withSearch } from "./form";
import type { Abilities } from "./models";

const all: Abilities = {
  able: true,
  sizes: [],
  maxN: 4,
  maxInputs: 2,
  seed: true,
  steps: true,
  negative: true,
  quality: true,
  mask: true,
};
const form = {
  ...EMPTY,
  prompt: "a fox",
  seed: 0,
  steps: 9,
  negative: "text",
  quality: "high",
  size: "16:9",
};

describe("the form", () => {
  it("knows its task by the pictures", () => {
    expect([0, 1, 2, 5].map(taskOf)).toEqual(["text", "edit", "blend", "blend"]);
  });

  it("fits into an address and comes back from it", () => {
    const search = toSearch(form, ["a.png"]);
    expect(search).toEqual({
      prompt: "a fox",
      size: "16:9",
      seed: 0,
      steps: 9,
      negative: "text",
      quality: "high",
      pictures: ["a.png"],
    });
    expect(withSearch({ ...EMPTY, n: 3 }, search)).toEqual(form);
    expect(withSearch(form, { pictures: ["b.png"] })).toEqual(form);
    expect(toSearch(EMPTY, [])).toEqual({});
  });

  it("sends what the model takes", () => {
    expect(toFields(form, all)).toEqual({
      model: "auto",
      prompt: "a fox",
      n: 1,
      size: "16:9",
      quality: "high",
      seed: 0,
      steps: 9,
      negative_prompt: "text",
    });
    const none = { ...all, seed: false, steps: false, negative: false, quality: false };
    expect(toFields(form, none)).toEqual({ model: "auto", prompt: "a fox", n: 1, size: "16:9" });
  });

  it("understands sizes", () => {
    for (const size of ["", "auto", "2K", "16:9", "1024x768"]) expect(isSize(size)).toBe(true);
    for (const size of ["large", "1024*768", "x", "8K"]) expect(isSize(size)).toBe(false);
    expect(shapeOf("16:9")).toBeCloseTo(16 / 9);
    expect(shapeOf("512x1024")).toBe(0.5);
    expect(shapeOf("2K")).toBe(1);
    expect(shapeOf("9000x10")).toBe(3);
    expect(shapeOf("0:0")).toBe(1);
  });
});
