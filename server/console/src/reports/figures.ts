/**
 * Reports as pure functions. Belongs here: which filters an address means, which filters lead from
 * a number to its clocks, lengths of time a person can compare. Not here: how a page looks, and no
 * figure at all: every one of them is counted by the server.
 */
import type { By, Bucket, Cell, ClauseReport, ClauseRow, Filters, LeftOut } from "../api/reports";
import { shiftMonth } from "../time/zoned";

export const BYS = ["none", "month", "zone", "class", "process"] as const satisfies readonly By[];
export const SUBJECTS = ["incident", "case", "lead", "deferral", "issue", "outage", "routine"] as const;

/** The filters of the report that an address names; months fall back to the one given. */
export function filtersOf(query: Filters, month: string): Filters {
  const from = query["from"] ?? month;
  const said: Record<string, string> = { from, to: query["to"] ?? from };
  for (const name of ["subject_kind", "drill"]) if (query[name]) said[name] = query[name]!;
  const by = BYS.find((each) => each === query["by"]);
  if (by !== undefined && by !== "none") said["by"] = by;
  return said;
}

/** Months from the first to the last, both included. */
export function length(filters: Filters): number {
  let count = 1;
  for (let at = filters["from"]!; at < filters["to"]!; at = shiftMonth(at, 1)) count += 1;
  return count;
}

/** The period of the same length before or after. */
export function shifted(filters: Filters, by: number): { from: string; to: string } {
  const steps = by * length(filters);
  return { from: shiftMonth(filters["from"]!, steps), to: shiftMonth(filters["to"]!, steps) };
}

/** One number of the report: whose row, which part of it, which clocks. */
export interface Chosen {
  clause: string;
  wording: string;
  /** Null: the whole row. */
  part: string | null;
  bucket: Bucket;
}

/** The filters under which the clocks behind a number are listed. */
export function behind(filters: Filters, chosen: Chosen): Filters {
  const { by, ...others } = filters;
  const said: Record<string, string> = { ...others, wording: chosen.wording, bucket: chosen.bucket };
  if (chosen.part === null || by === undefined) return said;
  if (by === "month") said["from"] = said["to"] = chosen.part;
  else said[by] = chosen.part;
  return said;
}

export function cellOf(row: ClauseRow, part: string | null): Cell | null {
  return part === null ? row.whole : (row.parts.find((one) => one.part === part) ?? null);
}

/** The row and cell a choice means, if this report has them. */
export function chosenIn(report: ClauseReport | null, chosen: Chosen | null): { row: ClauseRow; cell: Cell } | null {
  if (report === null || chosen === null) return null;
  for (const group of report.groups) {
    const row = group.rows.find((one) => one.clause_id === chosen.clause && one.wording === chosen.wording);
    const cell = row && cellOf(row, chosen.part);
    if (row && cell) return { row, cell };
  }
  return null;
}

export const KINDS_LEFT_OUT = ["customer_s", "authority_s", "contractor_s", "nature_s", "company_s", "unnamed_s", "between_s"] as const satisfies readonly (keyof LeftOut)[];

/** Time that was not counted, each moment once: pauses, and what lay between stages. */
export function leftOut(left: LeftOut): number {
  return left.paused_s + left.between_s;
}

/** The two largest units of a length of time; seconds only below a minute. */
export function units(seconds: number): [["days" | "hours" | "minutes" | "seconds", number], ...["hours" | "minutes", number][]] {
  const whole = Math.round(Math.abs(seconds));
  if (whole < 60) return [["seconds", whole]];
  const minutes = Math.round(whole / 60);
  const [days, hours] = [Math.floor(minutes / 1440), Math.floor((minutes % 1440) / 60)];
  if (days > 0) return [["days", days], ["hours", hours]];
  if (hours > 0) return [["hours", hours], ["minutes", minutes % 60]];
  return [["minutes", minutes]];
}
