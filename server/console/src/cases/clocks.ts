/**
 * Reading a case's clocks. Belongs here: how each stands at a moment, their order on a page, which
 * one presses most. Not here: words and colours.
 */
import type { CaseClockView } from "../api/types_cases";
import { readClock } from "../time/clock";
import type { Clock } from "../api/types";
import type { LongTone } from "./tones";

export interface ReadCaseClock {
  tone: LongTone;
  /** Seconds left (negative: over), or what a finished clock took. */
  seconds: number | null;
}

export function readCaseClock(clock: CaseClockView, atMs: number): ReadCaseClock {
  const read = readClock(clock as Clock, atMs);
  if (read.tone === "met" || read.tone === "late" || read.tone === "cancelled") return { tone: read.tone, seconds: read.tookS };
  if (clock.paused || clock.standing) return { tone: "paused", seconds: read.remainingS };
  if (clock.due_at === null) return { tone: "undated", seconds: null };
  return { tone: read.tone, seconds: read.remainingS };
}

const RANK: Record<LongTone, number> = { over: 0, warn: 1, calm: 2, undated: 3, paused: 3, late: 4, met: 5, cancelled: 6, none: 7 };

/** What presses first, then what stands still, then what is decided. */
export function clockOrder(clocks: readonly CaseClockView[], atMs: number): CaseClockView[] {
  const due = (clock: CaseClockView) => (clock.due_at === null ? Number.MAX_SAFE_INTEGER : Date.parse(clock.due_at));
  const rank = (clock: CaseClockView) => RANK[readCaseClock(clock, atMs).tone];
  return [...clocks].sort((a, b) => rank(a) - rank(b) || due(a) - due(b) || a.started_at.localeCompare(b.started_at));
}

/** The clock that presses most: running, not standing still, due first. */
export function pressing(clocks: readonly CaseClockView[], atMs: number): CaseClockView | null {
  const first = clockOrder(clocks, atMs)[0];
  return first !== undefined && ["over", "warn", "calm", "undated", "paused"].includes(readCaseClock(first, atMs).tone) ? first : null;
}
