import { describe, expect, it } from "vitest";
import {
  formatBytes,
  formatClock,
  formatCompact,
  formatDuration,
  formatNumber,
  formatPercent,
  formatRelative,
} from "./format";

describe("formatters", () => {
  it("write numbers as the locale does", () => {
    expect(formatNumber(1234567, "en")).toBe("1,234,567");
    expect(formatCompact(99_999, "en")).toBe("99,999");
    expect(formatCompact(1_234_567, "en")).toBe("1.2M");
    expect(formatCompact(1_234_567, "zh-CN")).toBe("123.5万");
    expect(formatPercent(0.9871, "en")).toBe("98.7%");
    expect(formatPercent(0.0004, "en")).toBe("0.04%");
  });

  it("scale sizes", () => {
    expect(formatBytes(0, "en")).toBe("0 B");
    expect(formatBytes(1023, "en")).toBe("1,023 B");
    expect(formatBytes(1536, "en")).toBe("1.5 KiB");
    expect(formatBytes(20971520, "en")).toBe("20 MiB");
    expect(formatBytes(1024 ** 6, "en")).toBe("1,048,576 TiB");
  });

  it("give durations in their two largest units", () => {
    expect(formatDuration(850, "en")).toBe("850ms");
    expect(formatDuration(3_210, "en")).toBe("3.2s");
    expect(formatDuration(125_000, "en")).toBe("2m 5s");
    expect(formatDuration(3_600_000, "en")).toBe("1h");
    expect(formatDuration(5 * 86_400_000 + 3 * 3_600_000, "en")).toBe("5d 3h");
    expect(formatDuration(12_000, "zh-CN")).toContain("秒");
  });

  it("count down as a clock", () => {
    expect(formatClock(-5)).toBe("0:00");
    expect(formatClock(41_200)).toBe("0:42");
    expect(formatClock(3_723_000)).toBe("1:02:03");
  });

  it("say how long ago something was", () => {
    const now = 1_800_000_000_000;
    expect(formatRelative(now - 20_000, now, "en")).toBeNull();
    expect(formatRelative(now - 5 * 60_000, now, "en")).toBe("5 minutes ago");
    expect(formatRelative(now - 25 * 3_600_000, now, "en")).toBe("yesterday");
    expect(formatRelative(now + 3 * 3_600_000, now, "zh-CN")).toBe("3小时后");
  });
});
