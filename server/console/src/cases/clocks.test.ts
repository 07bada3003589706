import { describe, expect, it } from "vitest";
import type { CaseClockView } from "../api/types_cases";
import { clockOrder, pressing, readCaseClock } from "./clocks";

const NOW = Date.parse("2026-11-21T04:00:00Z");

function clock(id: string, over: Partial<CaseClockView> = {}): CaseClockView {
  return {
    id, version: 1, subject_kind: "case", subject_id: "c", what: "answered",
    clause: { id: "T04", zh: "", en: "", quote: "", source: "", own_promise: true, standing: "promise", reading: null },
    started_at: "2026-11-20T04:00:00Z", due_at: "2026-11-23T04:00:00Z", stopped_at: null, state: "running",
    warn_at: [], exemption: "none", arithmetic: { zh: "", en: "" }, number: 1, paused: false, paused_seconds: 0, standing: false, provisional: false, ...over,
  };
}

describe("a case's clocks", () => {
  it("stand in the order in which they press", () => {
    const list = [
      clock("met", { state: "met", stopped_at: "2026-11-21T00:00:00Z" }),
      clock("calm"),
      clock("paused", { paused: true, due_at: "2026-11-21T05:00:00Z" }),
      clock("over", { due_at: "2026-11-21T03:00:00Z" }),
      clock("warn", { warn_at: ["2026-11-21T03:00:00Z"] }),
      clock("undated", { due_at: null }),
    ];
    expect(clockOrder(list, NOW).map((one) => one.id)).toEqual(["over", "warn", "calm", "paused", "undated", "met"]);
    expect(pressing(list, NOW)!.id).toBe("over");
    expect(pressing([list[0]!], NOW)).toBeNull();
  });

  it("say that they stand still, and never look late while they do", () => {
    const still = readCaseClock(clock("p", { paused: true, due_at: "2026-11-21T03:00:00Z" }), NOW);
    expect(still.tone).toBe("paused");
    expect(readCaseClock(clock("u", { due_at: null }), NOW)).toEqual({ tone: "undated", seconds: null });
    expect(readCaseClock(clock("m", { state: "met", stopped_at: "2026-11-20T05:00:00Z" }), NOW)).toEqual({ tone: "met", seconds: 3600 });
  });
});
