/**
 * A call being written down: what was typed, what the server has of it, and what to send. Belongs
 * here: the draft, its survival of a reload, the rules of saving. Not here: fields on a screen.
 */
import type { CallKind, CallLog, Fact, Facts, Id, SafetyScript, Setting } from "../api/types";

export interface Draft {
  /** The key of the ring; made when F2 was pressed, the same for every try. */
  ringKey: string;
  /** The call on the server, once the ring is stored. */
  callId: Id | null;
  callNumber: string | null;
  /** When it rang: the server's own time once known. */
  ringAt: string | null;
  channel: string;
  words: string;
  placeText: string;
  premiseId: Id | null;
  point: { lon: number; lat: number } | null;
  pointFrom: "map" | "premise" | null;
  setting: Setting;
  kind: CallKind;
  facts: Facts;
  callerName: string;
  callerPhone: string;
  people: string;
  stepsRead: string[];
  skippedReason: string;
  callerDid: boolean;
  attachTo: Id | null;
}

export function newDraft(ringKey: string): Draft {
  return {
    ringKey,
    callId: null,
    callNumber: null,
    ringAt: null,
    channel: "phone",
    words: "",
    placeText: "",
    premiseId: null,
    point: null,
    pointFrom: null,
    setting: "unknown",
    kind: "gas_emergency",
    facts: {},
    callerName: "",
    callerPhone: "",
    people: "",
    stepsRead: [],
    skippedReason: "",
    callerDid: false,
    attachTo: null,
  };
}

/** The steps to read to this caller: none that the facts make dangerous to follow. */
export function stepsToRead(script: SafetyScript, facts: Facts): SafetyScript["steps"] {
  return script.steps.filter((step) => !step.unless_facts.some((fact) => facts[fact as Fact]));
}

export type Missing = "words" | "script";

/** What must still be done before this call may be saved. */
export function missing(draft: Draft, script: SafetyScript | null): Missing[] {
  const list: Missing[] = [];
  if (draft.words.trim() === "") list.push("words");
  if (draft.kind === "gas_emergency" && draft.skippedReason.trim() === "") {
    const unread = script === null || stepsToRead(script, draft.facts).some((step) => !draft.stepsRead.includes(step.key));
    if (unread) list.push("script");
  }
  return list;
}

/**
 * What is sent. `unnamed` stands for a place nobody has put into words: a bare pin, or nothing at
 * all. A place may be unknown; it is never empty.
 */
export function logOf(draft: Draft, script: SafetyScript | null, unnamed: string): CallLog {
  const people = Number.parseInt(draft.people, 10);
  const facts = Object.fromEntries(Object.entries(draft.facts).filter(([, said]) => said)) as Facts;
  const readable = script ? stepsToRead(script, draft.facts).map((step) => step.key) : [];
  return {
    words: draft.words.trim(),
    kind: draft.kind,
    place: {
      text: draft.placeText.trim() || unnamed,
      ...(draft.point ?? {}),
      datum: "wgs84",
      ...(draft.premiseId ? { premise_id: draft.premiseId } : {}),
      setting: draft.setting,
      confidence: draft.pointFrom === "map" ? "pin" : draft.placeText.trim() !== "" ? "address" : "unknown",
    },
    facts,
    ...(draft.callerName.trim() ? { caller_name: draft.callerName.trim() } : {}),
    ...(draft.callerPhone.trim() ? { caller_phone: draft.callerPhone.trim() } : {}),
    ...(Number.isFinite(people) ? { people_count: people } : {}),
    script: {
      version: script?.version ?? "unknown",
      steps_read: draft.stepsRead.filter((key) => readable.includes(key)),
      ...(draft.skippedReason.trim() ? { skipped_reason: draft.skippedReason.trim() } : {}),
      ...(draft.callerDid ? { caller_did: "yes" } : {}),
    },
    ...(draft.attachTo ? { attach_to_incident_id: draft.attachTo } : {}),
  };
}

const KEPT = "changming.callDraft";

export function keepDraft(draft: Draft, person: Id): void {
  localStorage.setItem(`${KEPT}.${person}`, JSON.stringify(draft));
}

export function keptDraft(person: Id): Draft | null {
  const text = localStorage.getItem(`${KEPT}.${person}`);
  if (text === null) return null;
  const read = JSON.parse(text) as Partial<Draft>;
  return read.ringKey ? { ...newDraft(read.ringKey), ...read } : null;
}

export function forgetDraft(person: Id): void {
  localStorage.removeItem(`${KEPT}.${person}`);
}
