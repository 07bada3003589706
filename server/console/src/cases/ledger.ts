/**
 * The ledger's filters and how a row's clock stands. Belongs here: filters to and from the address,
 * judging a clock as time passes. Not here: asking the server, drawing rows.
 */
import type { CaseClock } from "../api/types_cases";

export const CLOCK_FILTERS = ["running", "at_risk", "late"] as const;
export const STATE_FILTERS = ["open", "queued", "closed"] as const;

/** The names the address and the server share. */
export const FILTERS = ["process", "customer_class", "step", "manager", "clock", "state", "q"] as const;
export type FilterName = (typeof FILTERS)[number];
export type Filters = Record<FilterName, string>;

export const NO_FILTERS: Filters = { process: "", customer_class: "", step: "", manager: "", clock: "", state: "", q: "" };

export function filtersOf(query: Readonly<Record<string, string>>): Filters {
  const read = Object.fromEntries(FILTERS.map((name) => [name, query[name] ?? ""])) as Filters;
  if (!(CLOCK_FILTERS as readonly string[]).includes(read.clock)) read.clock = "";
  if (!(STATE_FILTERS as readonly string[]).includes(read.state)) read.state = "";
  return read;
}

/** Only what is chosen, so that the address of the whole ledger is short. */
export function queryOf(filters: Filters): Record<string, string> {
  return Object.fromEntries(FILTERS.filter((name) => filters[name].trim() !== "").map((name) => [name, filters[name].trim()]));
}

/** How many filters are chosen, besides the words searched for. */
export function chosenCount(filters: Filters): number {
  return FILTERS.filter((name) => name !== "q" && filters[name] !== "").length;
}

/** Steps belong to a process: another process forgets the step. */
export function withFilter(filters: Filters, name: FilterName, value: string): Filters {
  return { ...filters, ...(name === "process" && value !== filters.process ? { step: "" } : {}), [name]: value };
}

export type Standing = "none" | "calm" | "warn" | "over" | "undated";

export interface StandingClock {
  standing: Standing;
  /** Seconds until due, negative once over; none without a deadline. */
  remainingS: number | null;
}

/** How a case's most pressing clock stands at a moment of business time. */
export function standingOf(clock: CaseClock, atMs: number): StandingClock {
  if (clock.standing === "none" || clock.clock_id === null) return { standing: "none", remainingS: null };
  if (clock.due_at === null) return { standing: "undated", remainingS: null };
  const remainingS = (Date.parse(clock.due_at) - atMs) / 1000;
  if (remainingS < 0) return { standing: "over", remainingS };
  const warned = clock.warn_at.some((mark) => Date.parse(mark) <= atMs);
  return { standing: warned ? "warn" : "calm", remainingS };
}

export interface Split {
  over: boolean;
  days: number;
  hours: number;
  minutes: number;
  seconds: number;
}

/** A length of time in days and a clock's figures; what remains is rounded up, what is over down. */
export function split(seconds: number): Split {
  const over = seconds < 0;
  const whole = over ? Math.floor(-seconds) : Math.ceil(seconds);
  return {
    over,
    days: Math.floor(whole / 86_400),
    hours: Math.floor((whole % 86_400) / 3600),
    minutes: Math.floor((whole % 3600) / 60),
    seconds: whole % 60,
  };
}
