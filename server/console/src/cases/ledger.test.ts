import { describe, expect, it } from "vitest";
import type { CaseClock } from "../api/types_cases";
import { chosenCount, filtersOf, NO_FILTERS, queryOf, split, standingOf, withFilter } from "./ledger";

const NOW = Date.parse("2026-11-21T04:00:00Z");

function clock(over: Partial<CaseClock> = {}): CaseClock {
  return {
    standing: "running", clock_id: "k", clause_id: "T04", zh: "", en: "", due_at: "2026-11-23T04:00:00Z",
    warn_at: ["2026-11-22T04:00:00Z"], running: 1, late: 0, ...over,
  };
}

describe("the ledger's filters", () => {
  it("survive the address", () => {
    const chosen = { ...NO_FILTERS, process: "P04", clock: "late", q: "桂花 家园" };
    expect(filtersOf(queryOf(chosen))).toEqual(chosen);
    expect(queryOf(NO_FILTERS)).toEqual({});
    expect(chosenCount(chosen)).toBe(2);
  });

  it("ignore states nobody knows, so that an old bookmark is refused nowhere", () => {
    expect(filtersOf({ clock: "green", state: "gone", step: "survey" })).toEqual({ ...NO_FILTERS, step: "survey" });
  });

  it("forget the step with its process", () => {
    const chosen = { ...NO_FILTERS, process: "P04", step: "survey" };
    expect(withFilter(chosen, "process", "P05").step).toBe("");
    expect(withFilter(chosen, "process", "P04").step).toBe("survey");
    expect(withFilter(chosen, "clock", "late").step).toBe("survey");
  });
});

describe("a row's clock", () => {
  it("is judged as time passes, not as it was read", () => {
    expect(standingOf(clock(), NOW).standing).toBe("calm");
    expect(standingOf(clock(), NOW + 25 * 3600_000).standing).toBe("warn");
    const late = standingOf(clock(), NOW + 50 * 3600_000);
    expect(late).toEqual({ standing: "over", remainingS: -7200 });
  });

  it("says when nothing runs, and when what runs has no date yet", () => {
    expect(standingOf(clock({ standing: "none", clock_id: null }), NOW).standing).toBe("none");
    expect(standingOf(clock({ due_at: null }), NOW).standing).toBe("undated");
  });

  it("is written in days and a clock", () => {
    expect(split(2 * 86_400 + 3661)).toEqual({ over: false, days: 2, hours: 1, minutes: 1, seconds: 1 });
    expect(split(-59.9)).toMatchObject({ over: true, days: 0, minutes: 0, seconds: 59 });
    expect(split(0.2).seconds).toBe(1);
  });
});
