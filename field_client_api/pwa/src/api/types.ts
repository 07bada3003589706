/**
 * What travels between this phone and the field API, as the API's own document names it. Not
 * here: anything the phone keeps for itself.
 */

export interface ServerTime {
  /** Business time, RFC 3339. */
  now: string;
  /** Business seconds per real second; above 1 only in drills. */
  speed: number;
}

export interface Person {
  id: string;
  name: string;
}

export interface Crew {
  id: string;
  code: string;
  name: string;
  on_duty: boolean;
  shift_ends_at: string | null;
  kit: string[];
}

export interface Me {
  person: Person;
  crew: Crew | null;
}

export interface Paired extends Me {
  token: string;
  phone_id: string;
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

export type Verdict = "confirmed" | "unconfirmed" | "limited" | "disputed";

export interface Assignment {
  id: string;
  version: number;
  work_order_id: string;
  incident_id: string | null;
  crew_id: string;
  state: AssignmentState;
  offered_at: string;
  offer_expires_at: string | null;
  acknowledged_at: string | null;
  departed_at: string | null;
  arrived_at: string | null;
  cleared_at: string | null;
  ended_at: string | null;
  ended_reason: string | null;
  offered_by: string;
  eta_at: string | null;
  eta_kind: string | null;
  arrival: { verdict: Verdict; flags: string[] } | null;
  first_report_at: string | null;
  made_safe_at: string | null;
}

export interface WorkOrder {
  id: string;
  number: string;
  kind: string;
  state: string;
  owner_number: string;
  priority_class: string;
  /** WGS-84 degrees; both null while nobody knows the place. */
  place: { text: string; lon: number | null; lat: number | null };
  words: string;
  required_skills: string[];
  required_kit: string[];
  min_staff: number;
}

export interface IncidentBrief {
  id: string;
  number: string;
  class: string;
  words: string;
  /** When the strictest running promise to be there is due; none when arrived or not promised. */
  arrive_due_at?: string | null;
}

export interface Job {
  id: string;
  version: number;
  assignment: Assignment;
  work_order: WorkOrder;
  incident_brief: IncidentBrief | null;
}

export interface Snapshot {
  seq: number;
  time: ServerTime;
  me: Me;
  jobs: Job[];
}

export interface Change {
  seq: number;
  kind: string;
  id: string;
  version: number;
  body: Job | null;
}

export type Frame =
  | { type: "changes"; seq: number; changes: Change[] }
  | { type: "time"; now: string; speed: number; seq?: number }
  | { type: "resnapshot" };

/** One GPS reading, WGS-84; the browser's geolocation gives that datum. */
export interface Fix {
  lon: number;
  lat: number;
  datum: "wgs84";
  accuracy_m: number | null;
  speed_kmh: number | null;
  heading_deg: number | null;
  at: string;
}

export type DeclineReason = "too_far" | "equipment" | "crew_unfit" | "safety" | "other";
export type Unit = "%LEL" | "%vol" | "ppm";

export interface GivenReading {
  value: number;
  unit: Unit;
  place: string;
  instrument_no: string;
  calibration_due: string | null;
}

/** What a word says, by its verb. */
export type Saying =
  | { verb: "acknowledge" }
  | { verb: "decline"; reason: DeclineReason; words: string | null }
  | { verb: "depart"; kit_checked: string[] }
  | { verb: "arrive" }
  | { verb: "first_report"; words: string; injured: number; lel_max_percent: number | null; spread: string | null }
  | ({ verb: "reading" } & GivenReading)
  | { verb: "made_safe"; method: string; words: string | null }
  | { verb: "source_found"; cause: string; words: string | null }
  | {
      verb: "repaired";
      words: string;
      test_kind: string;
      passed: boolean;
      value_kpa: number | null;
      duration_minutes: number | null;
    }
  | { verb: "recheck"; readings: GivenReading[]; safe: boolean }
  | { verb: "nobody_home"; words: string }
  | { verb: "address_wrong"; words: string }
  | { verb: "clear"; words: string | null };

export type Verb = Saying["verb"];

/** A word as it is kept: everything but the clock at the sending. */
export type Word = Saying & {
  key: string;
  assignment_id: string;
  occurred_at: string;
  fix?: Fix;
};

export type Outcome = "applied" | "late" | "duplicate" | "refused";

export interface Answer {
  key: string;
  outcome: Outcome;
  code: string | null;
  title: string | null;
  assignment: Job | null;
}

export interface FixesKept {
  accepted: number;
  off_duty: number;
  newest_at: string | null;
}
