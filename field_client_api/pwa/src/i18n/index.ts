/**
 * Which language the phone speaks, and how coded words become texts. Not here: any text itself.
 */
import { computed } from "vue";
import { Locale } from "vant";
import vantEn from "vant/es/locale/lang/en-US";
import vantZh from "vant/es/locale/lang/zh-CN";
import { createI18n } from "vue-i18n";
import { speakLanguage } from "../api/http";
import { en } from "./en";
import { zh } from "./zh";

export type Language = "zh" | "en";
const KEPT = "changming.language";

const texts: { zh: object; en: object } = { zh, en };

export const i18n = createI18n({
  legacy: false,
  locale: localStorage.getItem(KEPT) === "en" ? "en" : "zh",
  fallbackLocale: "zh",
  messages: texts as never,
  missingWarn: false,
  fallbackWarn: false,
});

/** The few things asked of vue-i18n here; its own types try to spell out every key. */
const speaker = i18n.global as unknown as {
  locale: { value: string };
  t(key: string, params: Record<string, unknown>): string;
  te(key: string, locale?: string): boolean;
  tm(key: string): unknown;
  rt(message: unknown): string;
};

export const language = computed<Language>(() => (speaker.locale.value === "en" ? "en" : "zh"));

export function speak(next: Language): void {
  speaker.locale.value = next;
  localStorage.setItem(KEPT, next);
  document.documentElement.lang = next === "en" ? "en" : "zh-CN";
  document.title = t("brand");
  speakLanguage(next === "en" ? "en" : "zh-CN");
  if (next === "en") Locale.use("en-US", vantEn);
  else Locale.use("zh-CN", vantZh);
}

export const t = (key: string, params: Record<string, unknown> = {}): string => speaker.t(key, params);

/** The lines of a text that is a list. */
export function lines(key: string): string[] {
  const held = speaker.tm(key);
  return Array.isArray(held) ? held.map((line) => speaker.rt(line)) : [];
}

/** The names under a group, in the catalogue's order: a list to choose from. */
export function names(group: string): string[] {
  return Object.keys(speaker.tm(group) as object);
}

/** The text of a code the server sent, or the code itself in plain letters when it is a new one. */
export function word(group: string, code: string): string {
  const key = `${group}.${code}`;
  if (speaker.te(key) || speaker.te(key, "zh")) return t(key);
  return /^[a-z0-9_]+$/.test(code) ? code.replaceAll("_", " ") : code;
}

/** A distance a person can picture: "850 m", "4.2 km". */
export function distance(metres: number): string {
  return metres < 1000
    ? t("said.m", { n: Math.round(metres / 10) * 10 })
    : t("said.km", { n: (metres / 1000).toFixed(metres < 10_000 ? 1 : 0) });
}
