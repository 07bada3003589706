/** A limit in words, by its unit: never one unit turned into another. */
import type { Limit } from "../api/types_cases";
import { t, word } from "../i18n";

export function limitWords(limit: Limit): string {
  switch (limit.unit) {
    case "second":
    case "minute":
    case "hour":
    case "working_day":
    case "month":
      return t(`limit.${limit.unit}`, { n: limit.value });
    case "calendar_day":
      return t(limit.ends === "hours" ? "limit.day_hours" : "limit.calendar_day", { n: limit.value });
    case "on_date":
      return t("limit.on_date", { name: word("caseDate", limit.name) });
    case "before":
      return t("limit.before", { n: limit.hours, name: word("caseDate", limit.name) });
    case "every":
      return t(`limit.every_${limit.period}`);
    case "next_month":
      return t("limit.next_month", { first: limit.first, last: limit.last });
    default:
      return t(`limit.${limit.unit}`);
  }
}
