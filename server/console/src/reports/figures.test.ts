import { describe, expect, it } from "vitest";
import type { Cell, ClauseReport, ClauseRow } from "../api/reports";
import { behind, chosenIn, filtersOf, length, shifted, units } from "./figures";

describe("the period of a report", () => {
  it("is this month where the address says nothing", () => {
    expect(filtersOf({}, "2026-11")).toEqual({ from: "2026-11", to: "2026-11" });
    expect(filtersOf({ from: "2026-03" }, "2026-11")).toEqual({ from: "2026-03", to: "2026-03" });
  });

  it("moves by its own length, over the turn of a year", () => {
    expect(length({ from: "2026-11", to: "2027-01" })).toBe(3);
    expect(shifted({ from: "2026-11", to: "2027-01" }, -1)).toEqual({ from: "2026-08", to: "2026-10" });
    expect(shifted({ from: "2026-12", to: "2026-12" }, 1)).toEqual({ from: "2027-01", to: "2027-01" });
  });

  it("passes on what filters and nothing else", () => {
    expect(filtersOf({ from: "2026-11", by: "zone", drill: "true", tab: "ratios", bucket: "late" }, "2026-01")).toEqual({ from: "2026-11", to: "2026-11", by: "zone", drill: "true" });
    expect(filtersOf({ by: "none" }, "2026-11")).not.toHaveProperty("by");
    expect(filtersOf({ by: "crew" }, "2026-11")).not.toHaveProperty("by");
  });
});

describe("from a number to its clocks", () => {
  const filters = { from: "2026-10", to: "2026-11", by: "zone", drill: "true" };
  it("leads by the same filters, the wording, the part and the bucket", () => {
    expect(behind(filters, { clause: "T1", wording: "abc", part: "Z1", bucket: "late" })).toEqual({ from: "2026-10", to: "2026-11", drill: "true", wording: "abc", bucket: "late", zone: "Z1" });
  });
  it("asks for the whole row without its parts", () => {
    expect(behind(filters, { clause: "T1", wording: "abc", part: null, bucket: "all" })).toEqual({ from: "2026-10", to: "2026-11", drill: "true", wording: "abc", bucket: "all" });
  });
  it("means a month by from and to", () => {
    const found = behind({ ...filters, by: "month" }, { clause: "T1", wording: "abc", part: "2026-10", bucket: "met" });
    expect(found).toMatchObject({ from: "2026-10", to: "2026-10" });
    expect(found).not.toHaveProperty("month");
  });
  it("finds the row by clause and wording, and no other edition's", () => {
    const whole = { part: null, met: 1 } as Cell;
    const row = { clause_id: "T1", wording: "new", whole, parts: [{ ...whole, part: "Z1" }] } as ClauseRow;
    const report = { groups: [{ rows: [row] }] } as unknown as ClauseReport;
    expect(chosenIn(report, { clause: "T1", wording: "new", part: "Z1", bucket: "met" })?.cell.part).toBe("Z1");
    expect(chosenIn(report, { clause: "T1", wording: "old", part: null, bucket: "met" })).toBeNull();
    expect(chosenIn(report, { clause: "T1", wording: "new", part: "Z9", bucket: "met" })).toBeNull();
  });
});

describe("lengths of time", () => {
  it("are said in the two largest units, rounded once", () => {
    expect(units(40)).toEqual([["seconds", 40]]);
    expect(units(59.7)).toEqual([["minutes", 1]]);
    expect(units(3599)).toEqual([["hours", 1], ["minutes", 0]]);
    expect(units(25 * 3600 + 120)).toEqual([["days", 1], ["hours", 1]]);
    expect(units(-61)).toEqual([["minutes", 1]]);
  });
});
