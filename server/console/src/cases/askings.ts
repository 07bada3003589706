/**
 * What the acts beside a step ask for. The server names those acts without fields, because what they
 * take is the same for every pack; here they get fields of the same kind as a step's. Not here: forms.
 */
import type { CaseAct, CasePageView, FieldView } from "../api/types_cases";

export interface Asking {
  fields: FieldView[];
  /** Words for choices that are names of the pack or of people. */
  labels: Record<string, string>;
}

export interface AskingContext {
  page: CasePageView;
  causes: readonly { code: string; label: string; evidence: string | null }[];
  managers: readonly { id: string; name: string }[];
  words(key: string): { zh: string; en: string };
  particular(key: string): { zh: string; en: string };
}

const NUMBERS: Record<string, { type: FieldView["type"]; unit: string | null }> = {
  flow_m3h: { type: "number", unit: "m³/h" },
  annual_m3: { type: "number", unit: "m³" },
  install_fee_fen: { type: "money", unit: null },
};
export const PARTICULARS = [
  "residential", "flow_m3h", "annual_m3", "external_line", "overhead_pipe", "scattered", "ground_floor_shop", "pre_laid", "key_project",
  "investment_project", "welfare", "hardship", "beyond_boundary", "to_residential", "install_fee_fen", "suburban",
] as const;
const DATES = ["appointment", "chosen_slot", "contract_date", "work_starts"];

/** The act with everything it asks, ready for the same form as a step's. */
export function asked(act: CaseAct, context: AskingContext): { act: CaseAct; labels: Record<string, string> } {
  const { fields, labels } = askingOf(act, context);
  return { act: fields.length > 0 ? { ...act, fields: [...act.fields, ...fields] } : act, labels };
}

function askingOf(act: CaseAct, context: AskingContext): Asking {
  const field = (key: string, over: Partial<FieldView> = {}): FieldView => ({
    key, type: "text", required: true, choices: [], unit: null, at_least: null, at_most: null, must_be: null, value: null, ...context.words(key), ...over,
  });
  switch (act.verb) {
    case "set_date":
      return { fields: [field("name", { type: "choice", choices: DATES }), field("at", { type: "instant" })], labels: {} };
    case "pause": {
      const named = new Set(context.page.clauses.flatMap((clause) => clause.pauses));
      const causes = context.causes.filter((cause) => named.size === 0 || named.has(cause.code));
      return {
        fields: [field("cause", { type: "choice", choices: causes.map((one) => one.code) }), field("from_at", { type: "instant", required: false }), field("evidence")],
        labels: Object.fromEntries(causes.map((one) => [one.code, one.label])),
      };
    }
    case "assign_manager":
      return {
        fields: context.managers.length ? [field("manager_id", { type: "choice", required: false, choices: context.managers.map((one) => one.id), value: context.page.case.manager_id })] : [],
        labels: Object.fromEntries(context.managers.map((one) => [one.id, one.name])),
      };
    case "change_particulars":
      return {
        fields: PARTICULARS.map((key) => ({
          ...field(key, { required: false, value: context.page.particulars[key] ?? null }),
          ...context.particular(key),
          type: NUMBERS[key]?.type ?? ("bool" as const),
          unit: NUMBERS[key]?.unit ?? null,
        })),
        labels: {},
      };
    default:
      return { fields: [], labels: {} };
  }
}
