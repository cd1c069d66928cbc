import { expect, it } from "vitest";
import type { SeriesPoint } from "@/api/types";
import { axisLabel, picturesPerDay } from "./series";

const HOUR = 3_600_000;

const point = (time: number, pictures: number): SeriesPoint => ({
  time,
  pictures,
  requests: pictures,
  errors: 0,
  errorRate: 0,
  bytes: 0,
  p50Ms: null,
  p95Ms: null,
  p99Ms: null,
});

it("sums pictures by local day over long windows", () => {
  const midnight = new Date(2026, 10, 20).getTime();
  const series = [0, 12, 24, 36].map((hours) => point(midnight + hours * HOUR, hours + 1));
  const days = picturesPerDay(series, 7 * 24 * HOUR);
  expect(days.map(({ pictures }) => pictures)).toEqual([1 + 13, 25 + 37]);
});

it("keeps the steps of short windows", () => {
  expect(picturesPerDay([point(0, 1), point(HOUR, 2)], 2 * HOUR)).toHaveLength(2);
});

it("labels the axis by time within two days, else by date", () => {
  const noon = new Date(2026, 10, 20, 12, 30).getTime();
  expect(axisLabel(noon, 24 * HOUR, "en-GB")).toBe("12:30");
  expect(axisLabel(noon, 30 * 24 * HOUR, "en-GB")).toBe("20 Nov");
});
