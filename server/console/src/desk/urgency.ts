/**
 * What needs a dispatcher first. Belongs here: pure answers drawn from the representations
 * (how far an incident is, which promise counts now, what order the queue stands in). Not
 * here: colours, words, requests.
 */
import type {
  Alarm,
  Assignment,
  AssignmentState,
  Call,
  Clock,
  ClockWhat,
  Crew,
  Fact,
  Facts,
  Incident,
  IncidentClass,
  CallKind,
} from "../api/types";

/** In the order a dispatcher has to act. */
export const STAGES = ["unassigned", "going", "on_scene", "closing", "done"] as const;
export type Stage = (typeof STAGES)[number];

const LIVE: ReadonlySet<AssignmentState> = new Set(["offered", "acknowledged", "en_route", "on_scene"]);

export function isLive(assignment: Assignment): boolean {
  return LIVE.has(assignment.state);
}

export function stageOf(incident: Incident, assignments: readonly Assignment[]): Stage {
  switch (incident.state) {
    case "closed":
    case "reviewed":
    case "cancelled":
      return "done";
    case "controlled":
    case "repaired":
    case "rechecked":
      return "closing";
    default: {
      const live = assignments.filter(isLive);
      if (live.some((assignment) => assignment.state === "on_scene")) return "on_scene";
      return live.length > 0 ? "going" : "unassigned";
    }
  }
}

const PROMISE_ORDER: readonly ClockWhat[] = ["arrived", "made_safe", "repaired"];

/**
 * The promise the queue counts: arrival until somebody arrived, then making safe, then repair.
 * A clock that is late but not stopped still counts: the promise is broken, the people wait.
 */
export function countingClock(clocks: readonly Clock[]): Clock | null {
  for (const what of PROMISE_ORDER) {
    const open = clocks
      .filter((clock) => clock.what === what && clock.stopped_at === null && clock.state !== "cancelled" && clock.state !== "met")
      .sort((a, b) => dueMs(a) - dueMs(b));
    if (open[0]) return open[0];
  }
  return null;
}

/** The open clock of one kind with the earliest due time, or none. */
export function openClock(clocks: readonly Clock[], what: ClockWhat): Clock | null {
  const open = clocks.filter(
    (clock) => clock.what === what && clock.stopped_at === null && (clock.state === "running" || clock.state === "late"),
  );
  return open.sort((a, b) => dueMs(a) - dueMs(b))[0] ?? null;
}

function dueMs(clock: Clock): number {
  return clock.due_at === null ? Number.POSITIVE_INFINITY : Date.parse(clock.due_at);
}

export interface QueueRow {
  incident: Incident;
  stage: Stage;
  clock: Clock | null;
  /** While nobody is sent: the clock that counts how fast somebody is. */
  dispatchClock: Clock | null;
  live: Assignment[];
}

export function groupBy<T>(things: Iterable<T>, key: (thing: T) => string | null): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const thing of things) {
    const name = key(thing);
    if (name === null) continue;
    const group = groups.get(name);
    if (group) group.push(thing);
    else groups.set(name, [thing]);
  }
  return groups;
}

/**
 * The queue: by stage, then class, then the promise that ends first, then the older call. The
 * order depends on deadlines and never on the passing of time, so rows do not jump by themselves.
 */
export function queueRows(
  incidents: Iterable<Incident>,
  assignments: Iterable<Assignment>,
  clocks: Iterable<Clock>,
): QueueRow[] {
  const assignmentsOf = groupBy(assignments, (assignment) => assignment.incident_id);
  const clocksOf = groupBy(clocks, (clock) => (clock.subject_kind === "incident" ? clock.subject_id : null));
  const rows = [...incidents].map((incident): QueueRow => {
    const own = assignmentsOf.get(incident.id) ?? [];
    const ticking = clocksOf.get(incident.id) ?? [];
    return {
      incident,
      stage: stageOf(incident, own),
      clock: countingClock(ticking),
      dispatchClock: openClock(ticking, "dispatched"),
      live: own.filter(isLive),
    };
  });
  return rows.sort(byUrgency);
}

function byUrgency(a: QueueRow, b: QueueRow): number {
  const stage = STAGES.indexOf(a.stage) - STAGES.indexOf(b.stage);
  if (stage !== 0) return stage;
  const rank = a.incident.class.localeCompare(b.incident.class);
  if (rank !== 0) return rank;
  const due = (a.clock ? dueMs(a.clock) : Number.POSITIVE_INFINITY) - (b.clock ? dueMs(b.clock) : Number.POSITIVE_INFINITY);
  if (due !== 0 && !Number.isNaN(due)) return due;
  return a.incident.received_at.localeCompare(b.incident.received_at);
}

const OF_EMERGENCIES: ReadonlySet<string> = new Set(["incident", "crew", "work_order", "assignment", "call"]);

/** An alarm of a case, a project, a deferral …: it waits for nobody's life and never rings. */
export function isBusiness(alarm: Alarm): boolean {
  return alarm.incident_id === null && !OF_EMERGENCIES.has(alarm.subject_kind);
}

/**
 * Alarms that still want a person: emergencies before business, worst first, then oldest.
 * Acknowledged ones come last.
 */
export function standingAlarms(alarms: Iterable<Alarm>): Alarm[] {
  const weight = (alarm: Alarm) =>
    (alarm.acknowledged_at === null ? 0 : 4) + (isBusiness(alarm) ? 2 : 0) + (alarm.severity === "critical" ? 0 : 1);
  return [...alarms]
    .filter((alarm) => alarm.ended_at === null)
    .sort((a, b) => weight(a) - weight(b) || a.raised_at.localeCompare(b.raised_at));
}

/** Calls nobody has written down yet, oldest ring first. */
export function waitingCalls(calls: Iterable<Call>): Call[] {
  return [...calls]
    .filter((call) => call.state !== "logged")
    .sort((a, b) => a.received_at.localeCompare(b.received_at));
}

const CREW_ORDER: readonly Crew["status"][] = [
  "available",
  "offered",
  "acknowledged",
  "en_route",
  "on_scene",
  "out_of_service",
  "off_duty",
];

/** Crews in the order of the board: who can go, who is going, who is busy, who is off. */
export function boardOrder(crews: Iterable<Crew>): Crew[] {
  return [...crews].sort(
    (a, b) =>
      CREW_ORDER.indexOf(a.status) - CREW_ORDER.indexOf(b.status) ||
      a.code.localeCompare(b.code, undefined, { numeric: true }),
  );
}

const DANGER: readonly Fact[] = ["fire", "explosion", "poisoned", "injured", "trapped", "pipe_struck"];

const STILL_LEAKING: readonly Fact[] = ["hiss", "alarm_sounding", "digging_near"];
const LEAK: readonly Fact[] = ["smell", "hiss", "alarm_sounding"];

/**
 * The class the server will most likely give, shown while the caller still talks. A preview of
 * the default pack's rules (server/policy/packs/default/classes.toml): the server decides.
 */
export function previewClass(kind: CallKind, facts: Facts): IncidentClass {
  const any = (names: readonly Fact[]) => names.some((fact) => facts[fact]);
  if (any(DANGER)) return "P0";
  if (facts.valve_shut && facts.smell_gone && !any(STILL_LEAKING)) return "P2";
  if (any(LEAK) || kind === "gas_emergency") return "P1";
  return kind === "other_repair" ? "P3" : "P4";
}

/** Whether a value the server sent is masked (stars for what is hidden). */
export function isMasked(value: string | null): boolean {
  return value !== null && value.includes("*");
}

/** A caller's number may be dialled only when it is whole. */
export function dialTarget(phone: string | null): string | null {
  if (phone === null || isMasked(phone)) return null;
  const digits = phone.replace(/[^\d+]/g, "");
  return digits.length >= 3 ? `tel:${digits}` : null;
}

/** Minutes of the promise a candidate would use, as a share 0..1 of what remains. */
export function shareUsed(etaSeconds: number, slackSeconds: number | null): number {
  if (slackSeconds === null) return 1;
  const remaining = etaSeconds + slackSeconds;
  if (remaining <= 0) return 1;
  return Math.min(1, Math.max(0, etaSeconds / remaining));
}

/** The part of a number people say aloud: `20261122-0007` is 0007. */
export function shortNumber(number: string): string {
  return number.slice(number.lastIndexOf("-") + 1);
}
