import { describe, expect, it } from "vitest";
import { dayAndMinute, instantOf, localOf, monthOf, shiftMonth, weeksOf } from "./zoned";

describe("what people type", () => {
  it("means the company's time, wherever the browser stands", () => {
    expect(instantOf("2026-11-22T09:30", "Asia/Shanghai")).toBe("2026-11-22T01:30:00Z");
    expect(localOf(Date.parse("2026-11-22T01:30:00Z"), "Asia/Shanghai")).toBe("2026-11-22T09:30");
    expect(dayAndMinute("2026-12-31T16:05:00Z", "Asia/Shanghai")).toBe("2027-01-01 00:05");
  });

  it("holds where the zone changes its offset", () => {
    expect(instantOf("2026-03-29T03:30", "Europe/Berlin")).toBe("2026-03-29T01:30:00Z");
    expect(instantOf("2026-10-25T12:00", "Europe/Berlin")).toBe("2026-10-25T11:00:00Z");
  });

  it("is refused when it is no time", () => {
    expect(instantOf("", "Asia/Shanghai")).toBeNull();
    expect(instantOf("2026-99-99T00:00", "Asia/Shanghai")).toBeNull();
  });
});

describe("months", () => {
  it("go across the year", () => {
    expect(shiftMonth("2026-12", 1)).toBe("2027-01");
    expect(shiftMonth("2026-01", -1)).toBe("2025-12");
    expect(monthOf(Date.parse("2026-11-30T16:00:00Z"), "Asia/Shanghai")).toBe("2026-12");
  });

  it("lie in weeks from Monday on", () => {
    const weeks = weeksOf(2026, 11);
    expect(weeks[0]!.filter(Boolean).map((cell) => cell!.day)).toEqual([1]);
    expect(weeks[0]![6]).toMatchObject({ date: "2026-11-01", weekend: true });
    expect(weeks.flat().filter(Boolean)).toHaveLength(30);
    expect(weeksOf(2028, 2).flat().filter(Boolean)).toHaveLength(29);
  });
});
