/**
 * The routes of the policy pack and the calendar. Belongs here: paths and shapes. Not here: what a
 * page does with an answer.
 */
import { ask, askOnce } from "./http";
import type { components } from "./openapi";
import type { Clause, Filled } from "./types_cases";

type Wire = { [Name in keyof components["schemas"]]: Filled<components["schemas"][Name]> };

export type PackClause = Clause;
export type PackView = Omit<Wire["PackView"], "clauses"> & { clauses: PackClause[] };
export type PolicyStep = Wire["Step"];
export type PolicyProcess = Omit<Wire["Process"], "steps"> & { steps: PolicyStep[] };
export type CustomerClass = Wire["CustomerClass"];
export type Conditions = CustomerClass["when"];
export type EditionsView = Wire["EditionsView"];
export type EditionView = Wire["EditionView"];
export type CalendarView = Wire["CalendarView"];
export type CalendarYear = Wire["CalendarYearView"];
export type NewCalendarYear = { days_off: string[]; workdays: string[]; source: string; holidays?: { zh: string; en: string; first: string; last: string }[] };

export const pack = () => ask<PackView>("/api/policy");
export const processes = async (): Promise<PolicyProcess[]> => (await ask<{ processes: PolicyProcess[] }>("/api/policy/processes")).processes;
export const editions = () => ask<EditionsView>("/api/policy/editions");
export const loadEdition = (body: { files: Record<string, string>; in_force_from: string }) => askOnce<EditionView>("/api/policy/editions", "POST", body);
export const calendar = () => ask<CalendarView>("/api/calendar");
export const enterYear = (year: number, body: NewCalendarYear) => ask<CalendarYear>(`/api/calendar/${year}`, { method: "PUT", body });
