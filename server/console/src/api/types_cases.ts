/**
 * What the console API says of cases, as types. The shapes are generated; here they get the pages'
 * names, and words the document leaves open get their lists. Not here: rules, defaults, requests.
 */
import type { components } from "./openapi_cases";
import type { Clock, Exemption, Instant, TimelineEntry } from "./types";

type Wire = components["schemas"];
type Said<Shape, Exact> = Omit<Shape, keyof Exact> & Exact;

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
export type Clause = Wire["Clause"];
export type Limit = Clause["limit"];
/** What is left out is not known; the server fills in nothing. */
export type NewCase = Partial<Omit<Wire["NewCase"], "applicant" | "particulars" | "place">> & Pick<Wire["NewCase"], "process" | "channel"> & {
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
  }
>;

/** The arithmetic of one deadline, line by line. */
export interface Explanation {
  clock: CaseClockView;
  lines: { zh: string; en: string }[];
}
