/**
 * Business time on this screen, judged from the last time the server told it. Words carry the
 * phone's own clock, never this one: the server measures that clock itself.
 */
import type { ServerTime } from "../api/types";

export interface TimeSync {
  serverMs: number;
  /** What the phone's clock read when that arrived. It also runs while the phone sleeps. */
  phoneMs: number;
  speed: number;
}

export function syncFrom(time: ServerTime, phoneMs: number): TimeSync {
  return { serverMs: Date.parse(time.now), phoneMs, speed: time.speed };
}

/** Business time in milliseconds since the epoch; the phone's own while the server never spoke. */
export function businessMs(sync: TimeSync | null, phoneMs: number): number {
  return sync === null ? phoneMs : sync.serverMs + (phoneMs - sync.phoneMs) * sync.speed;
}

/** How far the phone's clock is ahead, seconds; only meaningful while business time is real. */
export function offsetS(sync: TimeSync): number {
  return (sync.phoneMs - sync.serverMs) / 1000;
}

/** `29:07`, `1:02:33`, and `+00:12` once past zero. What remains is rounded up. */
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

/** `hh:mm` by the phone's time zone, which is the crew's. */
export function minuteOfDay(at: string | number): string {
  const when = new Date(at);
  return `${String(when.getHours()).padStart(2, "0")}:${String(when.getMinutes()).padStart(2, "0")}`;
}

/** `hh:mm:ss` by the phone's time zone. */
export function timeOfDay(at: string | number): string {
  return `${minuteOfDay(at)}:${String(new Date(at).getSeconds()).padStart(2, "0")}`;
}

/** `11-23 09:00` by the phone's time zone. */
export function dayAndMinute(at: string | number): string {
  const when = new Date(at);
  const two = (n: number) => String(n).padStart(2, "0");
  return `${two(when.getMonth() + 1)}-${two(when.getDate())} ${minuteOfDay(at)}`;
}
