/**
 * The routes of reports. Belongs here: paths and shapes. Not here: what a page does with an answer.
 */
import { ask } from "./http";
import type { components } from "./openapi";
import type { Filled, Limit } from "./types_cases";

type Wire = { [Name in keyof components["schemas"]]: Filled<components["schemas"][Name]> };

export type Cell = Wire["Cell"];
export type LeftOut = Wire["LeftOut"];
export type ClauseRow = Omit<Wire["ClauseRow"], "limit"> & { limit: Limit };
export type StandingGroup = Omit<Wire["StandingGroup"], "rows"> & { rows: ClauseRow[] };
export type ClauseReport = Omit<Wire["ClauseReport"], "groups"> & { groups: StandingGroup[] };
export type By = Wire["By"];
export type Bucket = Wire["Bucket"];
export type ReportClock = Wire["ClockRow"];
export type ClockList = Wire["ClockList"];
export type RatioReport = Wire["RatioReport"];
export type RatioRow = Wire["RatioRow"];
export type RatioPart = Wire["Part"];
export type Member = Wire["reporting_wire_Member"];
export type MemberList = { total: number; members: Member[]; next: number | null };

/** Filters as the routes name them; what is left out does not filter. */
export type Filters = Readonly<Record<string, string>>;

function search(filters: Filters): string {
  const text = new URLSearchParams(Object.entries(filters).filter(([, value]) => value !== "")).toString();
  return text === "" ? "" : `?${text}`;
}
const one = encodeURIComponent;

export const clauses = (filters: Filters) => ask<ClauseReport>(`/api/reports/clauses${search(filters)}`);
export const clocks = (clause: string, filters: Filters) => ask<ClockList>(`/api/reports/clauses/${one(clause)}/clocks${search(filters)}`);
export const ratios = (filters: Filters) => ask<RatioReport>(`/api/reports/ratios${search(filters)}`);
export const members = (ratio: string, filters: Filters) => ask<MemberList>(`/api/reports/ratios/${one(ratio)}/members${search(filters)}`);

/** Where a sheet is fetched from: the browser saves it, nothing passes through the page. */
export const sheet = (kind: "csv" | "xlsx", filters: Filters) => `/api/reports/clauses/sheet.${kind}${search(filters)}`;
export const clockSheet = (kind: "csv" | "xlsx", clause: string, filters: Filters) => `/api/reports/clauses/${one(clause)}/clocks.${kind}${search(filters)}`;
