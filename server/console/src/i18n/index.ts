/**
 * Which language the desk speaks, and how coded words become sentences. Belongs here: the
 * catalogues joined to vue-i18n, codes with parameters. Not here: any sentence itself.
 */
import { computed } from "vue";
import { createI18n } from "vue-i18n";
import { speakLanguage } from "../api/http";
import type { Params } from "../api/types";
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

export const language = computed<Language>(() => (i18n.global.locale.value === "en" ? "en" : "zh"));

export function speak(next: Language): void {
  i18n.global.locale.value = next;
  localStorage.setItem(KEPT, next);
  document.documentElement.lang = next === "en" ? "en" : "zh-CN";
  document.title = t("brand.full");
  speakLanguage(next === "en" ? "en" : "zh-CN");
}

export const t = (key: string, params: Record<string, unknown> = {}): string => i18n.global.t(key, params);

/** Words for a code the server sent, or the code itself in plain letters when it is a new one. */
export function word(group: string, code: string | null | undefined): string {
  if (!code) return "";
  const key = `${group}.${code}`;
  return i18n.global.te(key) || i18n.global.te(key, "zh") ? t(key) : code.replaceAll("_", " ");
}

/** Several codes as a list: "leak response, repair". */
export function wordList(group: string, codes: readonly string[]): string {
  return codes.map((code) => word(group, code)).join(t("punctuation.list"));
}

/**
 * A coded sentence with its parameters. Lists of skills and kit are translated inside it; a code
 * the catalogue does not know yet is shown as it is, with its parameters, rather than hidden.
 */
export function say(group: string, code: string, params: Params): string {
  const key = `${group}.${code}`;
  const filled: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(params)) filled[name] = spoken(name, value);
  if (i18n.global.te(key) || i18n.global.te(key, "zh")) return t(key, filled);
  const rest = Object.entries(filled).map(([name, value]) => `${name}=${String(value)}`);
  return [code.replaceAll("_", " "), ...rest].join(" ");
}

const GROUP_OF: Record<string, string> = {
  skills: "skill",
  skill: "skill",
  kit: "kit",
  items: "kit",
  what: "clockWhat",
  cause: "cause",
  reason: "declineReason",
  verdict: "assignment.verdict",
  kind: "workOrderKind",
  channel: "channel",
  outcome: "outcome",
  result: "callers",
  kit_checked: "kit",
  shortfalls: "shortfall",
  flags: "arrivalFlag",
};

function spoken(name: string, value: unknown): string | number {
  const group = GROUP_OF[name];
  if (Array.isArray(value)) {
    const codes = value.map(String);
    return group ? wordList(group, codes) : codes.join(t("punctuation.list"));
  }
  if (typeof value === "string") return group ? word(group, value) : value;
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
