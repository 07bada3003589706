/**
 * Business time on this screen. Belongs here: what the server's clock reads now, judged from
 * its last heartbeat and the drill's speed, and the arithmetic of a running promise. Not
 * here: the machine's own wall clock, which may be wrong and is never shown.
 */
import type { Clock, ServerTime } from "../api/types";

export interface TimeSync {
  /** What the server's clock read, in milliseconds since the epoch. */
  readonly serverMs: number;
  /** What this machine's monotonic clock read when that arrived, in milliseconds. */
  readonly heardAtMs: number;
  /** Business seconds per real second. */
  readonly speed: number;
}

export function syncFrom(time: ServerTime, monotonicMs: number): TimeSync {
  return { serverMs: Date.parse(time.now), heardAtMs: monotonicMs, speed: time.speed };
}

/** Business time now, in milliseconds since the epoch. */
export function nowMs(sync: TimeSync, monotonicMs: number): number {
  return sync.serverMs + (monotonicMs - sync.heardAtMs) * sync.speed;
}

/**
 * Take a newer heartbeat. Reading must not jump back on the screen for the few milliseconds a
 * frame spent on its way, so a step back of under a second (times speed) is held, not shown.
 */
export function resync(held: TimeSync, time: ServerTime, monotonicMs: number): TimeSync {
  const fresh = syncFrom(time, monotonicMs);
  const shown = nowMs(held, monotonicMs);
  const back = shown - fresh.serverMs;
  if (held.speed === fresh.speed && back > 0 && back < 1000 * fresh.speed) {
    return { ...fresh, serverMs: shown - back / 4 };
  }
  return fresh;
}

export type Tone = "calm" | "warn" | "over" | "met" | "late" | "cancelled";

export interface Reading {
  tone: Tone;
  /** Seconds until due while running (negative = over); none when the clock has no due time. */
  remainingS: number | null;
  /** Seconds the finished clock took, from its start to its stop. */
  tookS: number | null;
  /** How many of the warning marks are behind us. */
  marksPassed: number;
}

/** Read a promise clock at a moment of business time. */
export function readClock(clock: Clock, atMs: number): Reading {
  const startedMs = Date.parse(clock.started_at);
  const tookS = clock.stopped_at === null ? null : (Date.parse(clock.stopped_at) - startedMs) / 1000;
  const marksPassed = clock.warn_at.filter((mark) => Date.parse(mark) <= atMs).length;
  if (clock.state === "met" || clock.state === "cancelled") {
    return { tone: clock.state, remainingS: null, tookS, marksPassed };
  }
  const remainingS = clock.due_at === null ? null : (Date.parse(clock.due_at) - atMs) / 1000;
  if (clock.state === "late" && clock.stopped_at !== null) {
    return { tone: "late", remainingS: null, tookS, marksPassed };
  }
  if (remainingS !== null && remainingS < 0) return { tone: "over", remainingS, tookS, marksPassed };
  return { tone: marksPassed > 0 ? "warn" : "calm", remainingS, tookS, marksPassed };
}

/**
 * Seconds as a counting clock: `29:07`, `1:02:33`, and `+00:12` once past zero. Remaining time
 * is rounded up, so that the figure reaches 00:00 exactly when the promise does.
 */
export function countdown(remainingS: number): string {
  const over = remainingS < 0;
  const whole = over ? Math.floor(-remainingS) : Math.ceil(remainingS);
  return (over ? "+" : "") + span(whole);
}

/** A length of time as `mm:ss` or `h:mm:ss`. */
export function span(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const h = Math.floor(whole / 3600);
  const m = Math.floor((whole % 3600) / 60);
  const s = whole % 60;
  const two = (n: number) => String(n).padStart(2, "0");
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${two(m)}:${two(s)}`;
}

/** Whole minutes, never rounded down to an untrue zero: 20 s is 1. */
export function minutesUp(seconds: number): number {
  return Math.sign(seconds) * Math.ceil(Math.abs(seconds) / 60);
}

const formatters = new Map<string, Intl.DateTimeFormat>();

function formatter(zone: string, parts: "time" | "minute" | "day"): Intl.DateTimeFormat {
  const key = `${zone}/${parts}`;
  const held = formatters.get(key);
  if (held) return held;
  const made = new Intl.DateTimeFormat("sv-SE", {
    timeZone: zone,
    ...(parts === "day"
      ? { year: "numeric", month: "2-digit", day: "2-digit" }
      : { hour: "2-digit", minute: "2-digit", ...(parts === "time" ? { second: "2-digit" } : {}) }),
  });
  formatters.set(key, made);
  return made;
}

/** `hh:mm:ss` in the company's time zone. */
export function timeOfDay(ms: number, zone: string): string {
  return formatter(zone, "time").format(ms);
}

/** `hh:mm` in the company's time zone. */
export function minuteOfDay(ms: number, zone: string): string {
  return formatter(zone, "minute").format(ms);
}

/** `yyyy-mm-dd` in the company's time zone. */
export function day(ms: number, zone: string): string {
  return formatter(zone, "day").format(ms);
}
