/**
 * What of this browser's desk is open: the page, the form, the map's tool. Belongs here: small
 * screen state several parts share. Not here: anything the server knows.
 */
import { computed, ref, shallowRef } from "vue";
import type { MapMode } from "../map/plain";
import { readRoute, writeRoute, type Page, type Route } from "./route";

export type { Page } from "./route";

const KEPT_SOUND = "changming.sound";

const route = shallowRef<Route>(readRoute(location.hash));
const page = computed(() => route.value.page);
window.addEventListener("hashchange", () => (route.value = readRoute(location.hash)));

function go(next: Page, at: { id?: string | null; query?: Readonly<Record<string, string>> } = {}): void {
  location.hash = writeRoute({ page: next, ...at });
  // The browser tells of a new address a moment later; what is done next must stand there already.
  route.value = readRoute(location.hash);
}

/** Change what of this page is chosen without leaving a step for the back key. */
function refine(query: Readonly<Record<string, string>>): void {
  history.replaceState(history.state, "", writeRoute({ ...route.value, query }));
  route.value = readRoute(location.hash);
}

export interface GroundWish {
  /** Who asked for a point on the map. */
  mode: MapMode;
  heard(lon: number, lat: number): void;
}

export interface DrawWish {
  mode: "line" | "polygon";
  heard(geometry: GeoJSON.LineString | GeoJSON.Polygon): void;
}

export const shell = {
  route,
  page,
  go,
  refine,
  /** The call form is open; which call it writes down, if one already rang. */
  callForm: shallowRef<{ callId: string | null } | null>(null),
  /** The call this desk is writing down at the moment. */
  writing: ref<string | null>(null),
  help: ref(false),
  soundOn: ref(localStorage.getItem(KEPT_SOUND) !== "off"),
  toggleSound() {
    shell.soundOn.value = !shell.soundOn.value;
    localStorage.setItem(KEPT_SOUND, shell.soundOn.value ? "on" : "off");
  },
  wantsGround: shallowRef<GroundWish | null>(null),
  wantsDrawing: shallowRef<DrawWish | null>(null),
  /** The pin of whoever is choosing a place. */
  pin: shallowRef<{ lon: number; lat: number } | null>(null),
  /** Where the map should look next; the counter makes a repeat a new wish. */
  gaze: shallowRef<{ lon: number; lat: number; wish: number } | null>(null),
  look(lon: number, lat: number) {
    shell.gaze.value = { lon, lat, wish: (shell.gaze.value?.wish ?? 0) + 1 };
  },
  /** A short word at the foot of the screen, never in the way. */
  notice: shallowRef<{ text: string; tone: "good" | "bad"; id: number } | null>(null),
  say(text: string, tone: "good" | "bad" = "good") {
    const id = (shell.notice.value?.id ?? 0) + 1;
    shell.notice.value = { text, tone, id };
    window.setTimeout(
      () => {
        if (shell.notice.value?.id === id) shell.notice.value = null;
      },
      tone === "good" ? 5000 : 12000,
    );
  },
};

/** Whether a key press belongs to somebody who is typing. */
export function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  return target.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(target.tagName);
}
