/**
 * What has to be written down for a step, between a screen and the server. Belongs here: what was
 * typed turned into values, and what is wrong with it before anything is sent. Not here: drawing
 * the fields, and the server's own judgement, which stands.
 */
import type { FieldView } from "../api/types_cases";
import { instantOf, localOf } from "../time/zoned";

/** As typed: text for everything but a yes or no, which may also be still open. */
export type Typed = string | boolean | null;
export type TypedValues = Record<string, Typed>;

export type Problem = "required" | "number" | "too_small" | "too_large" | "instant" | "must_be";

export interface Wrong {
  key: string;
  problem: Problem;
}

type FieldRules = Pick<FieldView, "key" | "type" | "required" | "at_least" | "at_most" | "must_be"> & { value?: unknown };

/** What is known already, as it would have been typed. */
export function begin(fields: readonly FieldRules[], zone: string): TypedValues {
  return Object.fromEntries(fields.map((field) => [field.key, typed(field, zone)]));
}

function typed(field: FieldRules, zone: string): Typed {
  const { value } = field;
  if (field.type === "bool") return typeof value === "boolean" ? value : null;
  if (value === null || value === undefined) return "";
  switch (field.type) {
    case "money":
      return yuanOf(Number(value));
    case "instant":
      return localOf(Date.parse(String(value)), zone);
    case "names":
      return Array.isArray(value) ? value.join("\n") : String(value);
    default:
      return String(value);
  }
}

/** Whole fen as yuan: 125050 is 1250.50. */
export function yuanOf(fen: number): string {
  const whole = Math.trunc(Math.abs(fen) / 100);
  const rest = Math.abs(fen) % 100;
  return `${fen < 0 ? "-" : ""}${whole}${rest === 0 ? "" : `.${String(rest).padStart(2, "0")}`}`;
}

/** Yuan as typed to whole fen, without a detour through fractions; null when it is no amount. */
export function fenOf(yuan: string): number | null {
  const found = /^(\d{1,9})(?:\.(\d{1,2}))?$/.exec(yuan.trim().replaceAll(",", ""));
  return found === null ? null : Number(found[1]) * 100 + Number((found[2] ?? "").padEnd(2, "0"));
}

export interface Values {
  values: Record<string, unknown>;
  wrong: Wrong[];
}

/** Values as the server takes them, and what is wrong with those that are not ready. */
export function valuesOf(fields: readonly FieldRules[], typedValues: TypedValues, zone: string): Values {
  const values: Record<string, unknown> = {};
  const wrong: Wrong[] = [];
  for (const field of fields) {
    const read = valueOf(field, typedValues[field.key] ?? (field.type === "bool" ? null : ""), zone);
    if ("problem" in read) wrong.push({ key: field.key, problem: read.problem });
    else if (read.value !== undefined) values[field.key] = read.value;
  }
  return { values, wrong };
}

function valueOf(field: FieldRules, given: Typed, zone: string): { value: unknown } | { problem: Problem } {
  if (field.type === "bool") {
    if (given === null || given === "") return field.required ? { problem: "required" } : { value: undefined };
    const said = given === true || given === "true";
    return field.must_be !== null && field.must_be !== undefined && said !== field.must_be ? { problem: "must_be" } : { value: said };
  }
  const text = String(given ?? "").trim();
  if (text === "") return field.required ? { problem: "required" } : { value: undefined };
  switch (field.type) {
    case "number":
      return bounded(field, Number(text));
    case "money": {
      const fen = fenOf(text);
      return fen === null ? { problem: "number" } : bounded(field, fen);
    }
    case "instant": {
      const instant = instantOf(text, zone);
      return instant === null ? { problem: "instant" } : { value: instant };
    }
    case "names": {
      const names = text.split(/[\n,\u3001\uff0c;\uff1b]+/).map((name) => name.trim()).filter(Boolean);
      return bounded(field, names.length, names);
    }
    default:
      return { value: text };
  }
}

function bounded(field: FieldRules, size: number, value: unknown = size): { value: unknown } | { problem: Problem } {
  if (!Number.isFinite(size)) return { problem: "number" };
  if (field.at_least !== null && field.at_least !== undefined && size < field.at_least) return { problem: "too_small" };
  if (field.at_most !== null && field.at_most !== undefined && size > field.at_most) return { problem: "too_large" };
  return { value };
}
