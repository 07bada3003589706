/**
 * What a person may do with a case, as the server offers it. Belongs here: which acts carry the step
 * on and which stand beside it, and the body each one sends. Not here: forms on a screen.
 */
import type { ActVerb, CaseAct } from "../api/types_cases";

/** Acts that carry the case on from where it stands. */
const STEP_VERBS: ReadonlySet<ActVerb> = new Set(["complete_step", "answer"]);
/** Acts that have a place of their own on the page: beside the papers, the fees, the forms. */
const PLACED_VERBS: ReadonlySet<ActVerb> = new Set(["paper", "deferral", "fee", "payment", "form", "end_pause"]);

export function stepActs(acts: readonly CaseAct[]): CaseAct[] {
  return acts.filter((act) => STEP_VERBS.has(act.verb));
}
export function sideActs(acts: readonly CaseAct[]): CaseAct[] {
  return acts.filter((act) => !STEP_VERBS.has(act.verb) && !PLACED_VERBS.has(act.verb));
}
export function may(acts: readonly CaseAct[], verb: ActVerb): boolean {
  return acts.some((act) => act.verb === verb);
}
/** A name for an act that stays the same while the case does. */
export function actKey(act: CaseAct): string {
  return [act.verb, act.step, act.visit, act.answer, act.path].filter((part) => part !== null && part !== undefined).join("/");
}

export interface Said {
  values: Record<string, unknown>;
  words: string;
  signatures: { as: string; name: string }[];
}

/** Acts whose only question is the words, or that ask for none. */
export function wantsWords(act: CaseAct): boolean {
  return !["set_date", "take_up", "end_pause", "payment", "fee", "form"].includes(act.verb) && !act.fields.some((field) => ["words", "reason"].includes(field.key));
}
/** Without these words the server would refuse. */
export function needsWords(act: CaseAct): boolean {
  return act.reason_required || ["withdraw", "reorder", "change_quantity", "change_particulars", "pause"].includes(act.verb);
}

/** The body of the request, as the server's own struct for that act has it. */
export function bodyOf(act: CaseAct, said: Said): Record<string, unknown> {
  const words = said.words.trim();
  switch (act.verb) {
    case "complete_step":
    case "answer":
      return {
        step: act.step,
        visit: act.visit,
        ...(act.answer ? { answer: act.answer } : {}),
        values: said.values,
        ...(words ? { words } : {}),
        ...(said.signatures.length ? { signatures: said.signatures } : {}),
      };
    case "change_particulars":
      return { particulars: changed(act, said.values), reason: words };
    case "change_quantity":
      return { words, particulars: changed(act, said.values) };
    default:
      return { ...said.values, ...(words ? { words } : {}) };
  }
}

/** Only what differs from what is known: a correction names what it corrects and nothing else. */
function changed(act: CaseAct, values: Record<string, unknown>): Record<string, unknown> {
  const known = new Map(act.fields.map((field) => [field.key, field.value ?? null]));
  const differing = Object.entries(values).filter(([key, value]) => known.get(key) !== value);
  const emptied = act.fields.filter((field) => field.value !== null && field.value !== undefined && !(field.key in values));
  return Object.fromEntries([...differing, ...emptied.map((field) => [field.key, null] as const)]);
}
