/** A length of time in words, in its two largest units. */
import { t } from "../../i18n";
import { units } from "../../reports/figures";

export function spell(seconds: number | null): string {
  if (seconds === null) return "–";
  return units(seconds)
    .map(([unit, n]) => t(`reports.unit.${unit}`, { n }))
    .join(t("reports.unit.between"));
}
