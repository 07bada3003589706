/**
 * The desk as Vue sees it: the feed's copy in shallow refs, business time, link, selection.
 * Belongs here: joining the feed client to reactivity, and what is derived for every screen.
 * Not here: rules (desk/urgency), requests of single screens, drawing.
 */
import { computed, ref, shallowRef, watch } from "vue";
import * as api from "../api/console";
import { Refused, Unanswered } from "../api/http";
import type {
  BesideChange,
  Closure,
  Company,
  IncidentDetail,
  Kind,
  MapFacts,
  Position,
  SafetyScript,
  Station,
  TimelineEntry,
} from "../api/types";
import { browserOutside, FeedClient, type Link } from "../feed/client";
import { emptyCopy, type Copy } from "../feed/fold";
import { useZone } from "../i18n";
import { nowMs, resync, syncFrom, type TimeSync } from "../time/clock";
import { boardOrder, groupBy, isLive, queueRows, standingAlarms, waitingCalls } from "./urgency";

const TICK_MS = 250;
const DETAIL_SETTLE_MS = 180;

const copy = shallowRef<Copy>(emptyCopy());
const company = shallowRef<Company | null>(null);
const stations = shallowRef<Station[]>([]);
const positions = shallowRef<ReadonlyMap<string, Position>>(new Map());
const link = shallowRef<Link>({ state: "connecting", heardAt: null, tries: 0 });
const sync = shallowRef<TimeSync | null>(null);
const businessMs = ref(0);
const mapFacts = shallowRef<MapFacts | null>(null);
const zones = shallowRef<GeoJSON.FeatureCollection | null>(null);
/** Read at sign-in and kept in the browser: a caller must be told how to stay safe without a network, too. */
const script = shallowRef<SafetyScript | null>(null);
const selectedIncidentId = ref<string | null>(null);
const selectedCrewId = ref<string | null>(null);
const detail = shallowRef<IncidentDetail | null>(null);
const detailTrouble = shallowRef<Refused | Unanswered | null>(null);

const shelf = <K extends Kind>(kind: K) => computed(() => copy.value.shelves[kind]);
const incidentShelf = shelf("incident");
const callShelf = shelf("call");
const workOrderShelf = shelf("work_order");
const assignmentShelf = shelf("assignment");
const clockShelf = shelf("clock");
const crewShelf = shelf("crew");
const alarmShelf = shelf("alarm");
const closureShelf = shelf("closure");
const timelineShelf = shelf("timeline");

const rows = computed(() =>
  queueRows(incidentShelf.value.values(), assignmentShelf.value.values(), clockShelf.value.values()),
);
const alarms = computed(() => standingAlarms(alarmShelf.value.values()));
const waiting = computed(() => waitingCalls(callShelf.value.values()));
const crews = computed(() => boardOrder(crewShelf.value.values()));
const assignmentsOf = computed(() => groupBy(assignmentShelf.value.values(), (one) => one.incident_id));
const clocksOf = computed(() =>
  groupBy(clockShelf.value.values(), (one) => (one.subject_kind === "incident" ? one.subject_id : null)),
);
const callsOf = computed(() => groupBy(callShelf.value.values(), (one) => one.incident_id));
const workOrdersOf = computed(() => groupBy(workOrderShelf.value.values(), (one) => one.incident_id));
const liveAssignments = computed(() => [...assignmentShelf.value.values()].filter(isLive));
const closureList = computed<Closure[]>(() =>
  [...closureShelf.value.values()].sort((a, b) => (a.from ?? "").localeCompare(b.from ?? "")),
);
const isDrill = computed(() => [...incidentShelf.value.values()].some((one) => one.drill) || (sync.value?.speed ?? 1) !== 1);
const isStale = computed(() => link.value.state !== "live");
const selected = computed(() =>
  selectedIncidentId.value === null ? null : (incidentShelf.value.get(selectedIncidentId.value) ?? detail.value?.incident ?? null),
);
const timeline = computed<TimelineEntry[]>(() => {
  const id = selectedIncidentId.value;
  if (id === null) return [];
  return [...timelineShelf.value.values()]
    .filter((entry) => entry.incident_id === id)
    .sort((a, b) => a.at.localeCompare(b.at) || a.recorded_at.localeCompare(b.recorded_at));
});

/** Pages that show what has no shelf here; `null` stands for "anything may have changed". */
const besides = new Set<(changes: readonly BesideChange[] | null) => void>();

/** Hear of cases, projects, issues … as they change. Returns how to stop. */
function hearBeside(heard: (changes: readonly BesideChange[] | null) => void): () => void {
  besides.add(heard);
  return () => besides.delete(heard);
}

/** A desk that has just been opened shows what is most urgent; after that only people choose. */
let greeted = false;

let client: FeedClient | null = null;
let ticking: number | undefined;
let detailTimer: number | undefined;
let detailEra = 0;

function tick(): void {
  if (sync.value) businessMs.value = nowMs(sync.value, performance.now());
}

function startOpen(): void {
  stop();
  client = new FeedClient(browserOutside(api.snapshot), {
    copy(next, touched) {
      copy.value = next;
      if (!greeted) {
        greeted = true;
        selectedIncidentId.value = rows.value.find((row) => row.stage !== "done")?.incident.id ?? null;
      }
      if (touched === "all" || touched.has("timeline") || touched.has("call")) detailSoon();
      if (touched === "all") for (const heard of besides) heard(null);
    },
    beside(changes) {
      for (const heard of besides) heard(changes);
    },
    snapshot(snapshot) {
      company.value = snapshot.company;
      useZone(snapshot.company.time_zone);
      stations.value = snapshot.stations;
      positions.value = new Map(snapshot.positions.map((one) => [one.crew_id, one]));
      sync.value = syncFrom(snapshot.time, performance.now());
      tick();
    },
    positions(moved) {
      const next = new Map(positions.value);
      for (const position of moved) next.set(position.crew_id, position);
      positions.value = next;
    },
    time(time) {
      const at = performance.now();
      sync.value = sync.value === null ? syncFrom(time, at) : resync(sync.value, time, at);
    },
    link(next) {
      link.value = next;
    },
  });
  client.start();
  ticking = window.setInterval(tick, TICK_MS);
  window.addEventListener("online", hurry);
  document.addEventListener("visibilitychange", hurry);
  void readMap();
  void readScript();
}

function stop(): void {
  greeted = false;
  client?.stop();
  client = null;
  window.clearInterval(ticking);
  window.clearTimeout(detailTimer);
  window.removeEventListener("online", hurry);
  document.removeEventListener("visibilitychange", hurry);
  copy.value = emptyCopy();
  positions.value = new Map();
  selectedIncidentId.value = null;
  selectedCrewId.value = null;
  detail.value = null;
}

function hurry(): void {
  if (document.visibilityState !== "hidden") client?.hurry();
}

async function readMap(): Promise<void> {
  try {
    const [facts, areas] = await Promise.all([api.mapFacts(), api.zones()]);
    mapFacts.value = facts;
    zones.value = areas;
  } catch (failure) {
    if (!(failure instanceof Refused || failure instanceof Unanswered)) throw failure;
    // The map is a help, the queue is the work: keep asking while the desk goes on without it.
    if (client) window.setTimeout(() => void readMap(), 3000);
  }
}

const KEPT_SCRIPT = "changming.safetyScript";

async function readScript(): Promise<void> {
  const kept = localStorage.getItem(KEPT_SCRIPT);
  script.value ??= kept === null ? null : (JSON.parse(kept) as SafetyScript);
  try {
    script.value = await api.safetyScript();
    localStorage.setItem(KEPT_SCRIPT, JSON.stringify(script.value));
  } catch (failure) {
    if (failure instanceof Refused) return;
    if (!(failure instanceof Unanswered)) throw failure;
    if (client) window.setTimeout(() => void readScript(), 3000);
  }
}

/** Read the chosen incident again once changes have settled; the feed has no readings or rulings. */
function detailSoon(): void {
  if (selectedIncidentId.value === null) return;
  window.clearTimeout(detailTimer);
  detailTimer = window.setTimeout(() => void readDetail(), DETAIL_SETTLE_MS);
}

async function readDetail(): Promise<void> {
  const id = selectedIncidentId.value;
  if (id === null) return;
  const era = ++detailEra;
  try {
    const read = await api.incident(id);
    if (era !== detailEra || selectedIncidentId.value !== id) return;
    detail.value = read;
    detailTrouble.value = null;
    client?.lay("incident", [read.incident]);
    client?.lay("call", read.calls);
    client?.lay("work_order", read.work_orders);
    client?.lay("assignment", read.assignments);
    client?.lay("clock", read.clocks);
    client?.lay("timeline", read.timeline);
  } catch (failure) {
    if (!(failure instanceof Refused || failure instanceof Unanswered)) throw failure;
    if (era === detailEra) detailTrouble.value = failure;
  }
}

function choose(id: string | null): void {
  if (selectedIncidentId.value === id) return;
  selectedIncidentId.value = id;
}

watch(selectedIncidentId, (id) => {
  detail.value = null;
  detailTrouble.value = null;
  if (id !== null) void readDetail();
});

/** The one desk of this page. */
export const desk = {
  company,
  stations,
  positions,
  link,
  sync,
  businessMs,
  mapFacts,
  zones,
  closureList,
  script,
  readScript,
  incidentShelf,
  callShelf,
  workOrderShelf,
  assignmentShelf,
  clockShelf,
  crewShelf,
  rows,
  alarms,
  waiting,
  crews,
  assignmentsOf,
  clocksOf,
  callsOf,
  workOrdersOf,
  liveAssignments,
  isDrill,
  isStale,
  selectedIncidentId,
  selectedCrewId,
  selected,
  timeline,
  detail,
  detailTrouble,
  start: startOpen,
  stop,
  hurry: () => client?.hurry(),
  choose,
  readDetail,
  hearBeside,
};
