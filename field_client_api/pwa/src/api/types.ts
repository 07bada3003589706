/**
 * What travels between this phone and the field API. The shapes are generated from the server's
 * OpenAPI document (`npm run types` writes openapi.ts); here they get the phone's names, and words
 * the document leaves as plain strings get their lists. Not here: anything the phone keeps for
 * itself. Times are RFC 3339 UTC strings, ids UUID strings.
 */
import type { components } from "./openapi";

type Wire = components["schemas"];
/** The generated shape with some members said more exactly. */
type Said<Shape, Exact> = Omit<Shape, keyof Exact> & Exact;
/** What a word says, without what every word carries; nothing is left to a default. */
type Spoken<Shape> = Omit<Required<Shape>, "key" | "assignment_id" | "occurred_at" | "sent_at" | "fix">;

export type ServerTime = Wire["FieldTime"];
export type Crew = Wire["FieldCrew"];
export type Me = Wire["FieldMe"];
export type Paired = Wire["Paired"];
export type Outcome = Wire["Outcome"];
export type Verdict = Wire["Verdict"];
export type DeclineReason = Wire["DeclineReason"];
export type FixesKept = Wire["FixesKept"];
export type IncidentBrief = Wire["IncidentBrief"];
export type WorkOrder = Wire["WorkOrderView"];

export type AssignmentState =
  | "offered"
  | "acknowledged"
  | "en_route"
  | "on_scene"
  | "cleared"
  | "declined"
  | "recalled"
  | "expired";
export type Assignment = Said<Wire["AssignmentView"], { state: AssignmentState }>;
export type Callout = Said<Wire["Callout"], { assignment: Assignment }>;
export type Snapshot = Said<Wire["FieldSnapshot"], { callouts: Callout[] }>;
export type Answer = Said<Required<Wire["FieldAnswer"]>, { assignment: Callout | null; items?: string[] }>;

/** One GPS reading; the browser's geolocation gives WGS-84, and cannot tell a mocked one. */
export type Fix = Said<Required<Wire["SentFix"]>, { datum: "wgs84"; mock: false }>;

export type Unit = "%LEL" | "%vol" | "ppm";
export type GivenReading = Said<Required<Wire["GivenReading"]>, { unit: Unit; instrument_no: string }>;

export type NotReadyReason = Wire["NotReadyReason"];
export type Check = Wire["Check"];
export type PressureUnit = Wire["PressureUnit"];
export type Tightness = Required<Wire["Tightness"]>;
export type Signed = Required<Wire["Signed"]>;
export type Load = Required<Wire["Load"]>;
/** What a crew writes down of planned work; `kind` says which. Gaps are null or empty. */
export type WorkRecord = Wire["Complete"]["record"];
export type RecordKind = WorkRecord["kind"];
export type RecordOf<Kind extends RecordKind> = Extract<WorkRecord, { kind: Kind }>;

export type Saying =
  | Spoken<Wire["Acknowledge"]>
  | Spoken<Wire["Decline"]>
  | Spoken<Wire["Depart"]>
  | Spoken<Wire["Arrive"]>
  | Spoken<Wire["FirstReport"]>
  | Said<Spoken<Wire["TakeReading"]>, GivenReading>
  | Spoken<Wire["MadeSafe"]>
  | Spoken<Wire["SourceFound"]>
  | Spoken<Wire["Repaired"]>
  | Said<Spoken<Wire["Recheck"]>, { readings: GivenReading[] }>
  | Spoken<Wire["NobodyHome"]>
  | Spoken<Wire["AddressWrong"]>
  | { verb: "complete"; record: WorkRecord }
  | Spoken<Wire["NotReady"]>
  | Spoken<Wire["Clear"]>;

export type Verb = Saying["verb"];

/** A word as it is kept: everything but the clock at the sending. */
export type Word = Saying & {
  key: string;
  assignment_id: string;
  occurred_at: string;
  fix?: Fix;
};

// The socket is not part of the document: its frames are the server's `live/frames`.

export interface Change {
  seq: number;
  kind: string;
  id: string;
  version: number;
  /** Null when the thing is gone. */
  body: Callout | null;
}

export type Frame =
  | { type: "changes"; seq: number; changes: Change[] }
  | { type: "time"; now: string; speed: number; seq?: number }
  | { type: "resnapshot" };
