/**
 * What the console API says, as types. The shapes are generated from the server's OpenAPI document
 * (`npm run types` writes openapi.ts); here they get the desk's names, and words the document
 * leaves as plain strings get their lists. Not here: any rule, any default, any request.
 * Times are RFC 3339 UTC strings, ids UUID strings, distances metres, durations seconds.
 */
import type { components } from "./openapi";

type Wire = components["schemas"];
/** The generated shape with some members said more exactly. */
type Said<Shape, Exact> = Omit<Shape, keyof Exact> & Exact;

export type Id = string;
export type Instant = string;

export type IncidentClass = Wire["IncidentClass"];
export type IncidentState = Wire["IncidentState"];
export type Role = Wire["Role"];
export type Me = Wire["Me"];
export type Company = Wire["CompanyView"];
export type Setting = Wire["Setting"];
export type Facts = Partial<Wire["Facts"]>;
export type Fact = keyof Wire["Facts"];

/** In the order they are shown: danger, leak, what surrounds it, relief. */
export const FACTS = [
  "fire",
  "explosion",
  "poisoned",
  "injured",
  "trapped",
  "pipe_struck",
  "smell",
  "hiss",
  "alarm_sounding",
  "digging_near",
  "basement",
  "valve_shut",
  "smell_gone",
] as const satisfies readonly Fact[];

/** Every thing the feed carries has an identity and a version that only grows. */
export interface Versioned {
  id: Id;
  version: number;
}

export type Incident = Said<Wire["IncidentView"], { facts: Facts }>;
export type Call = Wire["CallView"];
export type CallState = Wire["CallState"];
export type CallKind = Wire["CallKind"];

export type WorkOrderState = "open" | "assigned" | "on_scene" | "done" | "cancelled" | "superseded";
export type WorkOrder = Said<Wire["WorkOrderView"], { state: WorkOrderState }>;

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

export type ClockWhat = "dispatched" | "acknowledged" | "arrived" | "made_safe" | "repaired";
export type ExemptionState = "none" | "claimed" | "granted" | "refused";
export type Clock = Said<
  Wire["ClockView"],
  { what: ClockWhat; state: "running" | "met" | "late" | "cancelled"; exemption: ExemptionState }
>;

export type Crew = Wire["CrewView"];
export type CrewStatus = Crew["status"];
/** What a code says beside itself: small values that fill the translated sentence. */
export type Params = Record<string, unknown>;
export type Alarm = Wire["AlarmView"];
export type TimelineEntry = Said<Wire["TimelineView"], { actor: { kind?: string; name?: string } }>;
export type Closure = Said<Wire["ClosureView"], { geometry: GeoJSON.Geometry }>;
export type Station = Wire["StationAt"];
export type Position = Wire["Position"];
export type ServerTime = Wire["ServerTime"];

export type Candidate = Wire["Candidate"];
export type Recommendation = Wire["Recommendation"];
export type Reading = Wire["ReadingView"];
export type Exemption = Said<Wire["ExemptionView"], { state: ExemptionState }>;

export type IncidentDetail = Said<
  Wire["IncidentPageView"],
  {
    incident: Incident;
    work_orders: WorkOrder[];
    assignments: Assignment[];
    clocks: Clock[];
    timeline: TimelineEntry[];
    exemptions: Exemption[];
  }
>;

export type Snapshot = Said<
  Wire["Snapshot"],
  {
    incidents: Incident[];
    work_orders: WorkOrder[];
    assignments: Assignment[];
    clocks: Clock[];
    closures: Closure[];
  }
>;

export type Similar = Wire["SimilarIncident"];
export type FoundPlace = Wire["PlaceFound"];
export type SafetyScript = Wire["SafetyScriptView"];
export type DemoSignIn = Wire["DemoSignIn"];
export type PlaceSaid = Wire["PlaceIn"];
export type CallLog = Said<Wire["LogIn"], { facts: Facts; script: Wire["ScriptIn"] }>;
export type CallLogged = Said<Wire["Logged"], { incident: Incident | null }>;
export type Unmasked = Wire["hotline_wire_Unmasked"];
export type IncidentPage = Said<Wire["IncidentPage"], { incidents: Incident[] }>;

/** Until roads are imported there are no bounds and no tiles; `graph` then says "none". */
export type MapFacts = Said<
  Wire["MapView"],
  { bounds: [number, number, number, number] | null; center: [number, number] | null }
>;
export type Track = Said<Wire["Track"], { points: [number, number, Instant][] }>;

export type Person = Wire["PersonView"];
export type Phone = Wire["PhoneView"];
export type Pairing = Wire["PairingView"];

export interface Kinds {
  incident: Incident;
  call: Call;
  work_order: WorkOrder;
  assignment: Assignment;
  clock: Clock;
  crew: Crew;
  alarm: Alarm;
  timeline: TimelineEntry;
  closure: Closure;
}
export type Kind = keyof Kinds;

export interface Change {
  seq: number;
  kind: Kind;
  id: Id;
  version: number;
  body: Versioned | null;
}

/** A change of something the desk keeps no shelf of: a case, a project, an issue, the calendar. */
export type BesideChange = Omit<Change, "kind"> & { kind: string };

/** What the socket says; OpenAPI does not describe sockets (server/live/frames.py does). */
export type Frame =
  | { type: "changes"; seq: number; after?: number; changes: Change[] }
  | { type: "positions"; at: Instant; positions: Position[] }
  | { type: "time"; now: Instant; speed: number; seq?: number }
  | { type: "resnapshot" };
