/**
 * The elements that stand on the map for incidents and for the pin. Belongs here: turning the
 * same badge the queue shows into a bare element. Not here: where it stands (map/city).
 */
import { createApp, h } from "vue";
import { i18n } from "../i18n";
import type { IncidentOnMap } from "../map/plain";
import ClassBadge from "./ClassBadge.vue";

export function incidentMarker(one: IncidentOnMap): HTMLElement {
  const mark = document.createElement("button");
  mark.type = "button";
  mark.className = "incident-mark";
  mark.classList.toggle("is-done", one.done);
  mark.style.setProperty("--mark", `var(--${one.class.toLowerCase()})`);
  mark.title = one.title;
  mark.dataset["testid"] = "map-incident";
  mark.dataset["number"] = one.number;
  mark.tabIndex = -1;
  if (one.pulsing) {
    const ring = document.createElement("span");
    ring.className = "ring";
    mark.append(ring);
  }
  const badge = document.createElement("span");
  createApp({ render: () => h(ClassBadge, { level: one.class, size: 34 }) }).use(i18n).mount(badge);
  mark.append(badge);
  const tag = document.createElement("span");
  tag.className = "tag num";
  tag.textContent = one.number;
  mark.append(tag);
  return mark;
}

export function pinMarker(): HTMLElement {
  const pin = document.createElement("div");
  pin.className = "place-pin";
  pin.dataset["testid"] = "map-pin";
  pin.innerHTML =
    '<svg width="34" height="44" viewBox="0 0 34 44"><path d="M17 1a16 16 0 0 1 16 16c0 10-9 17-16 26C10 34 1 27 1 17A16 16 0 0 1 17 1Z" fill="#fff" stroke="#0a0e13" stroke-width="2"/><circle cx="17" cy="17" r="6" fill="#0a0e13"/></svg>';
  return pin;
}
