import { describe, expect, it } from "vitest";
import { fromField, toField } from "./range";

describe("time ranges", () => {
  it("cover the whole day that was chosen last", () => {
    const start = fromField("2026-11-26", "day");
    const end = fromField("2026-11-26", "day", "end");
    expect(start).toBe(new Date(2026, 10, 26).getTime());
    expect(end).toBe(new Date(2026, 10, 27).getTime() - 1);
    expect(toField(start, "day")).toBe("2026-11-26");
    expect(toField(end, "day")).toBe("2026-11-26");
  });

  it("know minutes", () => {
    const start = fromField("2026-11-26T09:05", "minute");
    expect(start).toBe(new Date(2026, 10, 26, 9, 5).getTime());
    expect(toField(start, "minute")).toBe("2026-11-26T09:05");
    expect(fromField("2026-11-26T09:05", "minute", "end")).toBe((start ?? 0) + 59_999);
  });

  it("are open where nothing was entered", () => {
    expect(fromField("", "day")).toBeUndefined();
    expect(fromField("20", "day")).toBeUndefined();
    expect(toField(undefined, "minute")).toBe("");
  });
});
