/**
 * What the console API says, as types: the representations of the feed and the answers of
 * the routes. Belongs here: shapes only. Not here: any rule, any default, any request.
 * Times are RFC 3339 UTC strings, ids UUID strings, distances metres, durations seconds.
 */

export type Id = string;
export type Instant = string;

export type IncidentClass = "P0" | "P1" | "P2" | "P3" | "P4";
export type Role =
  | "dispatcher"
  | "operator"
  | "crew_member"
  | "supervisor"
  | "account_manager"
  | "contractor"
  | "administrator"
  | "auditor";

export interface Me {
  person: { id: Id; name: string; username: string; roles: Role[] };
  company: Company;
  csrf_token: string;
}

export interface Company {
  id: Id;
  code: string;
  name_zh: string;
  name_en: string;
  time_zone: string;
  policy_pack: string;
}

export type Setting = "indoor" | "outdoor" | "unknown";
export type Confidence = "pin" | "address" | "unknown";
export type Area = "urban" | "suburban";

export interface IncidentPlace {
  text: string;
  lon: number | null;
  lat: number | null;
  setting: Setting;
  confidence: Confidence;
  zone_code: string | null;
  zone_name: string | null;
  area: Area;
  zone_warning: string | null;
}

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
] as const;
export type Fact = (typeof FACTS)[number];
export type Facts = Partial<Record<Fact, boolean>>;

export type IncidentState =
  | "received"
  | "triaged"
  | "dispatched"
  | "on_scene"
  | "controlled"
  | "repaired"
  | "rechecked"
  | "closed"
  | "reviewed"
  | "cancelled";

export interface PendingDowngrade {
  proposal_id: Id;
  to: IncidentClass;
  by: string;
  by_id?: Id | null;
  reason: string;
}

/** Every thing the feed carries has an identity and a version that only grows. */
export interface Versioned {
  id: Id;
  version: number;
}

export interface Incident extends Versioned {
  number: string;
  drill: boolean;
  class: IncidentClass;
  state: IncidentState;
  received_at: Instant;
  place: IncidentPlace;
  words: string;
  facts: Facts;
  calls_count: number;
  unanswered_calls: number;
  controlled_at: Instant | null;
  source_verified_at: Instant | null;
  closed_at: Instant | null;
  pending_downgrade: PendingDowngrade | null;
  people_count?: number | null;
  nobody_home_at?: Instant | null;
  reviewed_at?: Instant | null;
  close_cause?: string | null;
}

export type CallState = "ringing" | "logged" | "abandoned";

export interface Call extends Versioned {
  incident_id: Id | null;
  number: string;
  channel: string;
  state: CallState;
  received_at: Instant;
  logged_at: Instant | null;
  words: string | null;
  caller_name: string | null;
  caller_phone: string | null;
  owed_answer: boolean;
  answered_back_at: Instant | null;
  answer_attempts?: number;
  answer_result?: string | null;
  place_text?: string | null;
  script?: { version: string; steps_read: string[]; skipped_reason: string | null; caller_did: string | null } | null;
}

export type WorkOrderState = "open" | "assigned" | "on_scene" | "done" | "cancelled" | "superseded";

export interface WorkOrder extends Versioned {
  number: string;
  kind: string;
  state: WorkOrderState;
  incident_id: Id | null;
  case_id: Id | null;
  priority_class: IncidentClass;
  place: { text: string; lon: number | null; lat: number | null };
  words: string;
  required_skills: string[];
  required_kit: string[];
  min_staff: number;
}

export type AssignmentState =
  | "offered"
  | "acknowledged"
  | "en_route"
  | "on_scene"
  | "cleared"
  | "declined"
  | "recalled"
  | "expired";

export interface Assignment extends Versioned {
  work_order_id: Id;
  incident_id: Id | null;
  crew_id: Id;
  state: AssignmentState;
  offered_at: Instant;
  offer_expires_at: Instant | null;
  acknowledged_at: Instant | null;
  departed_at: Instant | null;
  arrived_at: Instant | null;
  cleared_at: Instant | null;
  ended_reason: string | null;
  additional?: boolean;
  first_report_at?: Instant | null;
  offered_by: string | null;
  eta_at: Instant | null;
  eta_kind: EtaKind | null;
  arrival: { verdict: "confirmed" | "unconfirmed" | "limited" | "disputed"; flags: string[] } | null;
  made_safe_at: Instant | null;
}

export type ClockWhat = "dispatched" | "acknowledged" | "arrived" | "made_safe" | "repaired";
export type ClockState = "running" | "met" | "late" | "cancelled";
export type ExemptionState = "none" | "claimed" | "granted" | "refused";

export interface Clock extends Versioned {
  subject_kind: string;
  subject_id: Id;
  what: ClockWhat;
  clause: { id: string; zh: string; en: string; quote: string; source: string; own_promise: boolean };
  started_at: Instant;
  due_at: Instant | null;
  stopped_at: Instant | null;
  state: ClockState;
  warn_at: Instant[];
  exemption: ExemptionState;
  arithmetic: { zh: string; en: string };
}

export type CrewStatus =
  | "off_duty"
  | "available"
  | "offered"
  | "acknowledged"
  | "en_route"
  | "on_scene"
  | "out_of_service";

export interface Crew extends Versioned {
  code: string;
  name: string;
  station_id: Id | null;
  vehicle: { plate: string; kind: string } | null;
  members: { name: string; skills: string[] }[];
  staff_count: number;
  skills: string[];
  kit: string[];
  on_duty: boolean;
  shift: { starts_at: Instant; ends_at: Instant } | null;
  status: CrewStatus;
  assignment_id: Id | null;
}

/** What a code says beside itself: small values that fill the translated sentence. */
export type Params = Record<string, unknown>;

export interface Alarm extends Versioned {
  kind: string;
  severity: "warning" | "critical";
  subject_kind: string;
  subject_id: Id;
  incident_id: Id | null;
  params: Params;
  raised_at: Instant;
  acknowledged_at: Instant | null;
  ended_at: Instant | null;
}

export interface TimelineEntry extends Versioned {
  incident_id: Id | null;
  at: Instant;
  recorded_at: Instant;
  actor: { kind: string; name: string | null };
  verb: string;
  params: Params;
}

export interface Closure extends Versioned {
  geometry: GeoJSON.Geometry;
  factor: number | null;
  reason: string;
  from?: Instant;
  until: Instant | null;
  made_by?: string;
}

export interface Station {
  id: Id;
  code: string;
  name: string;
  lon: number;
  lat: number;
}

export interface Position {
  crew_id: Id;
  lon: number;
  lat: number;
  at: Instant;
  accuracy_m: number | null;
  speed_kmh: number | null;
  heading_deg: number | null;
}

export interface ServerTime {
  now: Instant;
  speed: number;
}

export interface Snapshot {
  seq: number;
  time: ServerTime;
  company: Company;
  incidents: Incident[];
  calls: Call[];
  work_orders: WorkOrder[];
  assignments: Assignment[];
  clocks: Clock[];
  crews: Crew[];
  alarms: Alarm[];
  stations: Station[];
  positions: Position[];
  closures?: Closure[];
}

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

export type Frame =
  | { type: "changes"; seq: number; after?: number; changes: Change[] }
  | { type: "positions"; at: Instant; positions: Position[] }
  | { type: "time"; now: Instant; speed: number; seq?: number }
  | { type: "resnapshot" };

export type EtaKind = "road" | "estimate";

export interface Said {
  code: string;
  params: Params;
}

export interface Candidate {
  rank: number;
  crew_id: Id;
  /** Mobilisation and travel together; null while nobody knows where the work is. */
  eta_seconds: number | null;
  travel_seconds: number | null;
  mobilisation_seconds: number;
  eta_kind: EtaKind | null;
  distance_m: number | null;
  slack_seconds: number | null;
  reasons: Said[];
  shortfalls: Said[];
}

export interface Recommendation {
  id: Id;
  at: Instant;
  work_order_id: Id;
  target: { lon: number; lat: number } | null;
  graph_version: string | number | null;
  candidates: Candidate[];
  excluded: { crew_id: Id; shortfalls: Said[] }[];
  none_left: boolean;
}

export interface Reading {
  id: Id;
  assignment_id: Id;
  crew_id: Id;
  recheck: boolean;
  value: number;
  unit: string;
  percent_lel: number;
  place: string;
  instrument_no: string;
  calibration_due: string | null;
  at: Instant;
  recorded_at: Instant;
  flags: string[];
  /** Whether it may prove that a place is safe. */
  counts: boolean;
}

export interface Exemption {
  id: Id;
  clock_id: Id;
  cause: string;
  words: string;
  evidence: string;
  state: ExemptionState;
  claimed_by: string;
  claimed_at: Instant;
  ruled_by: string | null;
  reason: string | null;
}

export interface IncidentDetail {
  incident: Incident;
  calls: Call[];
  work_orders: WorkOrder[];
  assignments: Assignment[];
  clocks: Clock[];
  timeline: TimelineEntry[];
  readings: Reading[];
  proofs: unknown[];
  recommendations: Recommendation[];
  exemptions: Exemption[];
  class_changes: unknown[];
}

export interface Similar {
  incident_id: Id;
  number: string;
  class?: IncidentClass;
  distance_m: number | null;
  minutes_ago: number;
  words: string;
  place_text?: string;
}

export interface FoundPlace {
  premise_id: Id;
  text: string;
  lon: number | null;
  lat: number | null;
  customer_name_masked: string | null;
  meter_no: string | null;
}

export interface SafetyScript {
  version: string;
  steps: { key: string; zh: string; en: string; unless_facts?: Fact[] }[];
}

export interface PlaceSaid {
  text: string;
  lon?: number;
  lat?: number;
  datum: "wgs84" | "gcj02" | "bd09";
  premise_id?: Id;
  setting: Setting;
  confidence: Confidence;
}

export type CallKind = "gas_emergency" | "other_repair" | "business";

export interface CallLog {
  words: string;
  caller_name?: string;
  caller_phone?: string;
  kind: CallKind;
  place: PlaceSaid;
  facts: Facts;
  people_count?: number;
  script: { version: string; steps_read: string[]; skipped_reason?: string; caller_did?: string };
  attach_to_incident_id?: Id;
}

export interface CallLogged {
  call: Call;
  incident: Incident | null;
  similar: Similar[];
}

/** Until roads are imported there are no bounds and no tiles; `graph` then says "none". */
export interface MapFacts {
  bounds: [number, number, number, number] | null;
  center: [number, number] | null;
  tile_version: string | null;
  attribution: string;
  graph: "road" | "none";
}

export interface Track {
  crew_id: Id;
  points: [number, number, Instant][];
}

export interface Person {
  id: Id;
  name: string;
  username: string;
  roles: Role[];
  active: boolean;
  can_sign_in: boolean;
  version: number;
}

export interface Phone {
  id: Id;
  person_id: Id;
  person_name: string;
  device_name: string;
  paired_at: Instant;
  last_used_at: Instant;
  revoked_at: Instant | null;
}

export interface Pairing {
  code: string;
  expires_at: Instant;
}
