/**
 * Dates and times as people in the company's zone write them. Belongs here: turning what was typed
 * into an instant and back, days of a month. Not here: counting clocks (time/clock).
 */
import { day, minuteOfDay } from "./clock";

/** `yyyy-mm-dd hh:mm` in the company's zone. */
export function dayAndMinute(instant: string, zone: string): string {
  const ms = Date.parse(instant);
  return `${day(ms, zone)} ${minuteOfDay(ms, zone)}`;
}

/** What a `datetime-local` field shows for an instant. */
export function localOf(ms: number, zone: string): string {
  return `${day(ms, zone)}T${minuteOfDay(ms, zone)}`;
}

/**
 * The instant a `datetime-local` text means in the company's zone, as RFC 3339; null when it is no
 * time. The browser's own zone plays no part: a desk on a laptop abroad means the company's time.
 */
export function instantOf(local: string, zone: string): string | null {
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d/.test(local)) return null;
  const wanted = Date.parse(`${local.slice(0, 16)}:00Z`);
  if (Number.isNaN(wanted)) return null;
  let ms = wanted;
  // Twice: the first guess may lie on the other side of a change of the zone's offset.
  for (let round = 0; round < 2; round += 1) ms += wanted - Date.parse(`${localOf(ms, zone)}:00Z`);
  return new Date(ms).toISOString().replace(".000Z", "Z");
}

/** `yyyy-mm` of an instant in the company's zone. */
export function monthOf(ms: number, zone: string): string {
  return day(ms, zone).slice(0, 7);
}

/** The month before or after, `yyyy-mm`. */
export function shiftMonth(month: string, by: number): string {
  const [year = 0, of = 1] = month.split("-").map(Number);
  const at = year * 12 + (of - 1) + by;
  return `${Math.floor(at / 12)}-${String((at % 12) + 1).padStart(2, "0")}`;
}

export interface DayCell {
  /** `yyyy-mm-dd`. */
  date: string;
  day: number;
  weekend: boolean;
}

/** The days of a month in weeks that begin on Monday; null fills what belongs to other months. */
export function weeksOf(year: number, month: number): (DayCell | null)[][] {
  const first = new Date(Date.UTC(year, month - 1, 1));
  const length = new Date(Date.UTC(year, month, 0)).getUTCDate();
  const lead = (first.getUTCDay() + 6) % 7;
  const cells: (DayCell | null)[] = Array.from({ length: lead }, () => null);
  for (let at = 1; at <= length; at += 1) {
    const weekday = (lead + at - 1) % 7;
    cells.push({ date: `${year}-${String(month).padStart(2, "0")}-${String(at).padStart(2, "0")}`, day: at, weekend: weekday >= 5 });
  }
  while (cells.length % 7 !== 0) cells.push(null);
  return Array.from({ length: cells.length / 7 }, (_, week) => cells.slice(week * 7, week * 7 + 7));
}
