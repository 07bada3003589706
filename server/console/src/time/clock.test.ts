import { describe, expect, it } from "vitest";
import type { Clock } from "../api/types";
import { countdown, minutesUp, nowMs, readClock, resync, span, syncFrom, timeOfDay } from "./clock";

const START = Date.parse("2026-11-21T00:00:00Z");

function arrival(over: Partial<Clock> = {}): Clock {
  return {
    id: "k",
    version: 1,
    subject_kind: "incident",
    subject_id: "i",
    what: "arrived",
    clause: { id: "004/arrival/urban", zh: "", en: "", quote: "", source: "", own_promise: true, standing: "default" },
    started_at: "2026-11-21T00:00:00Z",
    due_at: "2026-11-21T00:30:00Z",
    stopped_at: null,
    state: "running",
    warn_at: ["2026-11-21T00:20:00Z", "2026-11-21T00:25:00Z"],
    exemption: "none",
    arithmetic: { zh: "", en: "" },
    number: 1, paused: false, paused_seconds: 0, standing: false, provisional: false,
    ...over,
  };
}

describe("business time", () => {
  it("runs at the drill's speed between heartbeats", () => {
    const sync = syncFrom({ now: "2026-11-21T00:00:00Z", speed: 10 }, 5_000);
    expect(nowMs(sync, 6_000)).toBe(START + 10_000);
  });

  it("does not read the machine's own clock", () => {
    const sync = syncFrom({ now: "2001-01-01T00:00:00Z", speed: 1 }, 0);
    expect(new Date(nowMs(sync, 1_000)).toISOString()).toBe("2001-01-01T00:00:01.000Z");
  });

  it("holds a small step back and takes a large one", () => {
    const held = syncFrom({ now: "2026-11-21T00:00:00Z", speed: 1 }, 0);
    const small = resync(held, { now: "2026-11-21T00:00:00.900Z", speed: 1 }, 1_000);
    expect(nowMs(small, 1_000)).toBeGreaterThan(START + 900);
    expect(nowMs(small, 1_000)).toBeLessThan(START + 1_000);
    const large = resync(held, { now: "2026-11-20T23:00:00Z", speed: 1 }, 1_000);
    expect(nowMs(large, 1_000)).toBe(START - 3_600_000);
  });

  it("takes a change of speed at once", () => {
    const held = syncFrom({ now: "2026-11-21T00:00:00Z", speed: 1 }, 0);
    const fast = resync(held, { now: "2026-11-21T00:00:01Z", speed: 60 }, 1_000);
    expect(nowMs(fast, 2_000)).toBe(START + 61_000);
  });
});

describe("a running promise", () => {
  it("is calm before its marks, warns after one, is over past due", () => {
    expect(readClock(arrival(), START + 19 * 60_000).tone).toBe("calm");
    expect(readClock(arrival(), START + 20 * 60_000)).toMatchObject({ tone: "warn", marksPassed: 1, remainingS: 600 });
    expect(readClock(arrival(), START + 25 * 60_000).marksPassed).toBe(2);
    expect(readClock(arrival(), START + 30 * 60_000).tone).toBe("warn");
    expect(readClock(arrival(), START + 31 * 60_000)).toMatchObject({ tone: "over", remainingS: -60 });
  });

  it("stays over while late and not yet arrived, and says how long it took once stopped", () => {
    expect(readClock(arrival({ state: "late" }), START + 40 * 60_000)).toMatchObject({ tone: "over", remainingS: -600 });
    const stopped = arrival({ state: "late", stopped_at: "2026-11-21T00:33:00Z" });
    expect(readClock(stopped, START + 50 * 60_000)).toMatchObject({ tone: "late", remainingS: null, tookS: 1980 });
  });

  it("does not count a met clock down", () => {
    const met = arrival({ state: "met", stopped_at: "2026-11-21T00:12:30Z" });
    expect(readClock(met, START + 90 * 60_000)).toMatchObject({ tone: "met", remainingS: null, tookS: 750 });
  });

  it("has no remaining time without a due time", () => {
    expect(readClock(arrival({ due_at: null, warn_at: [] }), START).remainingS).toBeNull();
  });
});

describe("figures", () => {
  it("counts down to zero exactly and up beyond it", () => {
    expect(countdown(1799.2)).toBe("30:00");
    expect(countdown(0.4)).toBe("00:01");
    expect(countdown(0)).toBe("00:00");
    expect(countdown(-12.9)).toBe("+00:12");
    expect(countdown(3753)).toBe("1:02:33");
  });

  it("writes spans and minutes", () => {
    expect(span(750)).toBe("12:30");
    expect(minutesUp(20)).toBe(1);
    expect(minutesUp(-61)).toBe(-2);
    expect(minutesUp(0)).toBe(0);
  });

  it("writes times in the company's zone, whatever the machine's", () => {
    expect(timeOfDay(START, "Asia/Shanghai")).toBe("08:00:00");
    expect(timeOfDay(START, "UTC")).toBe("00:00:00");
  });
});
