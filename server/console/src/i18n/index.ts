/**
 * Which language the desk speaks, and how coded words become sentences. Belongs here: the
 * catalogues joined to vue-i18n, codes with parameters. Not here: any sentence itself.
 */
import { computed } from "vue";
import { createI18n } from "vue-i18n";
import { speakLanguage } from "../api/http";
import type { Params } from "../api/types";
import { span, timeOfDay } from "../time/clock";
import { dayAndMinute } from "../time/zoned";
import { en } from "./en";
import { zh } from "./zh";

export type Language = "zh" | "en";
const KEPT = "changming.language";

function kept(): Language {
  return localStorage.getItem(KEPT) === "en" ? "en" : "zh";
}

const words: { zh: object; en: object } = { zh, en };

export const i18n = createI18n({
  legacy: false,
  locale: kept(),
  fallbackLocale: "zh",
  messages: words as never,
  missingWarn: false,
  fallbackWarn: false,
});

/** The few things asked of vue-i18n here; its own types try to spell out every key. */
const speaker = i18n.global as unknown as {
  locale: { value: string };
  t(key: string, params: Record<string, unknown>): string;
  te(key: string, locale?: string): boolean;
};

export const language = computed<Language>(() => (speaker.locale.value === "en" ? "en" : "zh"));

export function speak(next: Language): void {
  speaker.locale.value = next;
  localStorage.setItem(KEPT, next);
  document.documentElement.lang = next === "en" ? "en" : "zh-CN";
  document.title = t("brand.full");
  speakLanguage(next === "en" ? "en" : "zh-CN");
}

export const t = (key: string, params: Record<string, unknown> = {}): string => speaker.t(key, params);

/** Words for a code the server sent, or the code itself in plain letters when it is a new one. */
export function word(group: string, code: string | null | undefined): string {
  if (!code) return "";
  const key = `${group}.${code}`;
  if (speaker.te(key) || speaker.te(key, "zh")) return t(key);
  // A code nobody has put into words yet is shown as it is; free text is left alone.
  return /^[a-z0-9_]+$/.test(code) ? code.replaceAll("_", " ") : code;
}

/** Several codes as a list: "leak response, repair". */
export function wordList(group: string, codes: readonly string[]): string {
  return codes.map((code) => word(group, code)).join(t("punctuation.list"));
}

/**
 * A coded sentence with its parameters. Lists of skills and kit are translated inside it; a code
 * the catalogue does not know yet is shown as it is, with its parameters, rather than hidden.
 */
export function say(group: string, code: string, params: Params, how: { dated?: boolean } = {}): string {
  const key = `${group}.${code}`;
  const filled: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(params)) {
    filled[name] = spoken(group, name, value, how.dated ?? false);
    if (name.endsWith("seconds") || name === "seconds_ago") {
      const stem = name.replace(/_?seconds(_ago)?$/, "") || "seconds";
      filled[`${stem}_minutes`] = Math.ceil(Math.abs(Number(value)) / 60);
      filled[`${stem}_span`] = longSpan(Math.abs(Number(value)));
    }
  }
  Object.assign(filled, inWords(params));
  if (speaker.te(key) || speaker.te(key, "zh")) return t(key, filled);
  const rest = Object.entries(filled).map(([name, value]) => `${name}=${String(value)}`);
  return [code.replaceAll("_", " "), ...rest].join(" ");
}

/** What a sentence about a case may name: things the server sent in both languages, and codes. */
function inWords(params: Params): Record<string, string | number> {
  const { zh, en, answer_zh, answer_en, outcome, name, amount_fen, documents } = params;
  const words: Record<string, string | number> = {};
  if (typeof zh === "string" && typeof en === "string") {
    words["name"] = either({ zh, en });
    // A clause's own title says more than the fact that stops its clock.
    if ("clause" in params) words["what"] = words["name"];
  } else if (typeof name === "string") words["date_words"] = word("caseDate", name);
  if (typeof answer_zh === "string" && typeof answer_en === "string") words["answer_words"] = either({ zh: answer_zh, en: answer_en });
  if (typeof outcome === "string") words["outcome_words"] = word("caseOutcome", outcome);
  if (typeof amount_fen === "number") words["amount_yuan"] = (amount_fen / 100).toFixed(2);
  if (Array.isArray(documents)) words["count"] = documents.length;
  return words;
}

function longSpan(seconds: number): string {
  const days = Math.floor(seconds / 86_400);
  return days > 0 ? `${t("longClock.days", { n: days })} ${span(seconds % 86_400)}` : span(seconds);
}

const GROUP_OF: Record<string, string> = {
  skills: "skill",
  skill: "skill",
  kit: "kit",
  kit_checked: "kit",
  what: "clockWhat",
  cause: "cause",
  reason: "declineReason",
  verdict: "assignment.verdict",
  kind: "workOrderKind",
  channel: "channel",
  outcome: "outcome",
  result: "callers",
  flags: "arrivalFlag",
  verb: "fieldVerb",
  warning: "zoneWarning",
};

/** Where the company's clocks stand; set once somebody is signed in. */
let zone = "Asia/Shanghai";
export function useZone(next: string): void {
  zone = next;
}

const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d/;

function spoken(sentence: string, name: string, value: unknown, dated: boolean): string | number {
  const group = GROUP_OF[name];
  if (Array.isArray(value)) {
    const codes = value.map(String);
    return group ? wordList(group, codes) : codes.join(t("punctuation.list"));
  }
  if (typeof value === "string") {
    if (INSTANT.test(value)) return dated ? dayAndMinute(value, zone).slice(5) : timeOfDay(Date.parse(value), zone);
    return group && sentence !== group ? word(group, value) : value;
  }
  if (typeof value === "number") return Number.isInteger(value) ? value : Math.round(value * 10) / 10;
  if (typeof value === "boolean") return t(value ? "punctuation.yes" : "punctuation.no");
  return value === null || value === undefined ? "" : JSON.stringify(value);
}

/** A distance a person can picture: "850 m", "4.2 km". */
export function distance(metres: number): string {
  return metres < 1000
    ? t("said.distanceM", { n: Math.round(metres / 10) * 10 })
    : t("said.distanceKm", { n: (metres / 1000).toFixed(1) });
}

/** Which of two texts the server sent in both languages. */
export function either(texts: { zh: string; en: string }): string {
  return language.value === "en" ? texts.en : texts.zh;
}
