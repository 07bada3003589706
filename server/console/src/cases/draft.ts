/**
 * A case being filed: what was typed, that it survives a reload, what is missing, what is sent. Not
 * here: fields on a screen, and which class or clocks will follow (the server decides).
 */
import type { NewCase } from "../api/types_cases";
import type { Id } from "../api/types";
import { instantOf } from "../time/zoned";

export interface CaseDraft {
  /** The key of the request; the same for every try of the same content. */
  key: string;
  process: string;
  channel: string;
  name: string;
  phone: string;
  idNo: string;
  placeText: string;
  premiseId: Id | null;
  point: { lon: number; lat: number } | null;
  /** As typed: yes, no, or not known; numbers as text. */
  particulars: Record<string, boolean | string | null>;
  words: string;
  /** Local time of the company; empty: now. */
  receivedAt: string;
  callId: Id | null;
  leadId: Id | null;
  projectCode: string;
  managerId: Id | null;
  accused: string;
  complainedCase: string;
  noLeak: boolean;
}

export function newCaseDraft(key: string): CaseDraft {
  return {
    key, process: "", channel: "", name: "", phone: "", idNo: "", placeText: "", premiseId: null, point: null,
    particulars: {}, words: "", receivedAt: "", callId: null, leadId: null, projectCode: "", managerId: null,
    accused: "", complainedCase: "", noLeak: false,
  };
}

export type Lacking = "process" | "channel" | "name" | "phone" | "place" | "accused" | "words" | "number" | "received";

/** Complaints name who is complained of, and what for. */
export const COMPLAINT = "P19";
/** Particulars that are figures; every other one is yes, no, or not known. */
export const FIGURES: ReadonlySet<string> = new Set(["flow_m3h", "annual_m3", "install_fee_fen"]);

export function lacking(draft: CaseDraft, zone: string): Lacking[] {
  const list: Lacking[] = [];
  if (draft.process === "") list.push("process");
  if (draft.channel === "") list.push("channel");
  if (draft.name.trim() === "") list.push("name");
  if (draft.phone.trim() === "") list.push("phone");
  if (draft.placeText.trim() === "" && draft.premiseId === null) list.push("place");
  if (draft.process === COMPLAINT) {
    if (draft.accused === "") list.push("accused");
    if (draft.words.trim() === "") list.push("words");
  }
  if (figuresOf(draft) === null) list.push("number");
  if (draft.receivedAt !== "" && instantOf(draft.receivedAt, zone) === null) list.push("received");
  return list;
}

/** Particulars as values; null when a figure is none. What is not known is left out. */
function figuresOf(draft: CaseDraft): Record<string, boolean | number> | null {
  const values: Record<string, boolean | number> = {};
  for (const [key, value] of Object.entries(draft.particulars)) {
    if (value === null || value === "") continue;
    if (typeof value === "boolean") values[key] = value;
    else {
      const figure = Number(value.trim());
      if (!Number.isFinite(figure) || figure < 0) return null;
      values[key] = key === "install_fee_fen" ? Math.round(figure * 100) : figure;
    }
  }
  return values;
}

export function particularsOf(draft: CaseDraft): Record<string, boolean | number> {
  return figuresOf(draft) ?? {};
}

/** What is sent, once nothing is lacking. */
export function bodyOfCase(draft: CaseDraft, zone: string): NewCase {
  const received = draft.receivedAt === "" ? null : instantOf(draft.receivedAt, zone);
  return {
    process: draft.process,
    channel: draft.channel,
    applicant: { name: draft.name.trim(), phone: draft.phone.trim(), ...(draft.idNo.trim() ? { id_no: draft.idNo.trim() } : {}) },
    ...(draft.premiseId ? { premise_id: draft.premiseId } : {}),
    ...(draft.placeText.trim() ? { place: { text: draft.placeText.trim(), ...(draft.point ?? {}), datum: "wgs84" } } : {}),
    particulars: particularsOf(draft),
    ...(draft.words.trim() ? { words: draft.words.trim() } : {}),
    ...(received ? { received_at: received } : {}),
    ...(draft.callId ? { call_id: draft.callId } : {}),
    ...(draft.leadId ? { lead_id: draft.leadId } : {}),
    ...(draft.projectCode.trim() ? { project_code: draft.projectCode.trim() } : {}),
    ...(draft.managerId ? { manager_id: draft.managerId } : {}),
    ...(draft.process === COMPLAINT ? { accused_department: draft.accused, ...(draft.complainedCase ? { complained_case_id: draft.complainedCase } : {}) } : {}),
    ...(draft.noLeak ? { no_leak: true } : {}),
  };
}

const KEPT = "changming.caseDraft";

export function keepCaseDraft(draft: CaseDraft, person: Id): void {
  localStorage.setItem(`${KEPT}.${person}`, JSON.stringify(draft));
}
export function keptCaseDraft(person: Id): CaseDraft | null {
  const text = localStorage.getItem(`${KEPT}.${person}`);
  if (text === null) return null;
  const read = JSON.parse(text) as Partial<CaseDraft>;
  return read.key ? { ...newCaseDraft(read.key), ...read } : null;
}
export function forgetCaseDraft(person: Id): void {
  localStorage.removeItem(`${KEPT}.${person}`);
}
