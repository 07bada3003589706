/**
 * What the console API says of cases, as types. The shapes are generated; here they get the pages'
 * names, and words the document leaves open get their lists. Not here: rules, defaults, requests.
 */
import type { components } from "./openapi";
import type { Clock, Exemption, Instant, TimelineEntry } from "./types";

type Said<Shape, Exact> = Omit<Shape, keyof Exact> & Exact;
/** The document marks what has a default as possibly missing; the server always sends it. */
export type Filled<T> = T extends readonly (infer Each)[] ? Filled<Each>[] : T extends object ? { [K in keyof T]-?: Filled<Exclude<T[K], undefined>> } : T;
type Wire = { [Name in keyof components["schemas"]]: Filled<components["schemas"][Name]> };

export type CaseRow = Wire["CaseRow"];
export type CaseList = Wire["CaseList"];
export type CaseClock = Wire["CaseClock"];
export type CaseBlock = Wire["CaseBlock"];
export type StepKind = Wire["StepKind"];
export type StepView = Wire["StepView"];
export type BranchView = Wire["BranchView"];
export type CaseVisit = Said<Wire["CaseVisit"], { values: Record<string, unknown>; signatures: Record<string, string>[] }>;
export type ProcessView = Said<Wire["ProcessView"], { visits: CaseVisit[] }>;
export type CasePause = Wire["CasePause"];
export type CasePaper = Wire["CasePaper"];
export type CaseDeferral = Wire["CaseDeferral"];
export type CaseFee = Wire["CaseFee"];
export type CaseOrder = Wire["CaseOrder"];
export type CaseForm = Wire["CaseForm"];
export type CaseDate = Wire["CaseDate"];
export type CaseAct = Wire["CaseAct"];
export type ActVerb = CaseAct["verb"];
export type FieldView = Wire["FieldView"];
export type FieldType = FieldView["type"];
/** A typed limit; the document does not say that `unit` tells them apart. */
export type Limit =
  | { unit: "second" | "minute" | "hour" | "working_day" | "month"; value: number }
  | { unit: "calendar_day"; value: number; ends: "hours" | "last_day"; rolls_over: boolean }
  | { unit: "same_day" | "none" }
  | { unit: "on_date"; name: string; whole_day: boolean }
  | { unit: "before"; hours: number; name: string }
  | { unit: "every"; period: "day" | "week" | "month" | "quarter" }
  | { unit: "next_month"; first: number; last: number };
export type Clause = Said<Wire["Clause"], { limit: Limit }>;
/** What is left out is not known; the server fills in nothing. */
export type NewCase = Partial<Omit<components["schemas"]["NewCase"], "applicant" | "particulars" | "place">> & Pick<components["schemas"]["NewCase"], "process" | "channel"> & {
  applicant: { name: string; phone: string; id_no?: string };
  place?: { text: string; lon?: number; lat?: number; datum: "wgs84" };
  particulars?: Record<string, boolean | number | string>;
};

/** A clock of a case: its stop fact is the pack's own, and it may stand still for a named cause. */
export type CaseClockView = Said<Clock, { what: string; state: string }> & {
  number?: number;
  paused?: boolean;
  /** Between two stretches it counts: only others' time runs. */
  standing?: boolean;
  provisional?: boolean;
  target_at?: Instant | null;
};

export type CasePageView = Said<
  Wire["CasePage"],
  {
    clocks: CaseClockView[];
    exemptions: Exemption[];
    timeline: TimelineEntry[];
    process: ProcessView;
    particulars: Record<string, unknown>;
    facts: Record<string, Instant>;
    clauses: Clause[];
  }
>;

/** The arithmetic of one deadline, line by line. */
export interface Explanation {
  clock: CaseClockView;
  lines: { zh: string; en: string }[];
}
