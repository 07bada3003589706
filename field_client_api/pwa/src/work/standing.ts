/**
 * Where an assignment stands for the crew that holds this phone: what the server knows, and what
 * the crew has said that the server does not know yet. Pure; not here: how words travel.
 */
import type { AssignmentState, Callout, Verb } from "../api/types";
import type { Entry } from "../outbox/outbox";

export type Step = "acknowledged" | "departed" | "arrived" | "made_safe" | "completed" | "not_ready" | "cleared";

/** The steps of an assignment in their order: an emergency is made safe, planned work ends. */
export function stepsOf(callout: Callout, stand: Standing): Step[] {
  if (callout.work_order.case_id === null) return ["acknowledged", "departed", "arrived", "made_safe", "cleared"];
  const ended = stand.steps.not_ready && !stand.steps.completed ? "not_ready" : "completed";
  return ["acknowledged", "departed", "arrived", ended, "cleared"];
}

export interface Passed {
  at: string;
  /** True while only this phone knows. */
  kept: boolean;
}

export interface Standing {
  state: AssignmentState;
  /** The assignment holds the crew. */
  live: boolean;
  /** The state is this phone's own conclusion from words not yet answered. */
  ahead: boolean;
  steps: Partial<Record<Step, Passed>>;
}

const LIVE: readonly AssignmentState[] = ["offered", "acknowledged", "en_route", "on_scene"];

/** The state a word proves, said or implied; the server's table says the same. */
const REACHES: Record<Exclude<Verb, "decline">, AssignmentState> = {
  acknowledge: "acknowledged",
  depart: "en_route",
  address_wrong: "en_route",
  arrive: "on_scene",
  first_report: "on_scene",
  reading: "on_scene",
  made_safe: "on_scene",
  source_found: "on_scene",
  repaired: "on_scene",
  recheck: "on_scene",
  nobody_home: "on_scene",
  complete: "on_scene",
  not_ready: "on_scene",
  clear: "cleared",
};

/** Words that are a step of their own beside where the crew is. */
const ENDS: Partial<Record<Verb, Step>> = { made_safe: "made_safe", complete: "completed", not_ready: "not_ready" };

const RANK: readonly AssignmentState[] = ["offered", "acknowledged", "en_route", "on_scene", "cleared"];
const STEP_OF: Partial<Record<AssignmentState, Step>> = {
  acknowledged: "acknowledged",
  en_route: "departed",
  on_scene: "arrived",
  cleared: "cleared",
};

/** Words that count here: said about this assignment and neither refused nor rejected. */
function counting(entries: readonly Entry[], assignmentId: string): Entry[] {
  return entries.filter(
    (entry) =>
      entry.word.assignment_id === assignmentId &&
      (entry.fate === "kept" || (entry.fate === "answered" && entry.outcome !== "refused")),
  );
}

export function standing(callout: Callout, entries: readonly Entry[]): Standing {
  const told = callout.assignment;
  const steps: Partial<Record<Step, Passed>> = {};
  const server: [Step, string | null][] = [
    ["acknowledged", told.acknowledged_at],
    ["departed", told.departed_at],
    ["arrived", told.arrived_at],
    ["made_safe", told.made_safe_at],
    ["completed", told.completed_at],
    ["not_ready", told.not_ready_at],
    ["cleared", told.cleared_at],
  ];
  for (const [step, at] of server) if (at !== null) steps[step] = { at, kept: false };

  let state = told.state;
  let ahead = false;
  for (const entry of counting(entries, callout.id)) {
    const { verb, occurred_at: at } = entry.word;
    const kept = entry.fate === "kept";
    const ends = ENDS[verb];
    if (ends !== undefined) steps[ends] ??= { at, kept };
    if (!LIVE.includes(state)) continue;
    if (verb === "decline") {
      if (RANK.indexOf(state) < RANK.indexOf("on_scene")) {
        state = "declined";
        ahead = true;
      }
      continue;
    }
    const reached = REACHES[verb];
    if (RANK.indexOf(reached) > RANK.indexOf(state)) {
      state = reached;
      ahead = true;
    }
    const step = STEP_OF[reached];
    if (step !== undefined) steps[step] ??= { at, kept };
  }
  return { state, live: LIVE.includes(state), ahead, steps };
}

const CLASSES = ["P0", "P1", "P2", "P3", "P4"];

/** Callouts in the order a crew should see them: live before ended, urgent first, the oldest first. */
export function inOrder(callouts: readonly Callout[], entries: readonly Entry[]): Callout[] {
  const live = new Map(callouts.map((callout) => [callout.id, standing(callout, entries).live]));
  const urgency = (callout: Callout) => {
    const at = CLASSES.indexOf(callout.work_order.priority_class);
    return at < 0 ? CLASSES.length : at;
  };
  return [...callouts].sort(
    (a, b) =>
      Number(live.get(b.id)) - Number(live.get(a.id)) ||
      (live.get(a.id) ? urgency(a) - urgency(b) : 0) ||
      (live.get(a.id) ? 1 : -1) * a.assignment.offered_at.localeCompare(b.assignment.offered_at),
  );
}

/** A reading as percent of methane's lower explosive limit (5 %vol), as the server reckons. */
export function percentLel(value: number, unit: string): number {
  return unit === "%vol" ? value * 20 : unit === "ppm" ? value / 500 : value;
}

/** Above this: people out, and tell the supervisor. */
export const EVACUATE_PERCENT_LEL = 20;
