import { expect, it } from "vitest";
import { furtherAttempts } from "./further";

it("counts what came after an attempt, not the attempts", () => {
  const four = Array.from({ length: 4 }, () => ({ next: null }));
  expect(furtherAttempts(four)).toBe(0);
  expect(furtherAttempts([{ next: "next key" }, { next: "next platform" }, { next: null }])).toBe(2);
  expect(furtherAttempts([])).toBe(0);
});
