/**
 * The phone as one thing: what it shows, put together from what keeps, sends and listens. Belongs
 * here: assembling the parts and the words a screen may say. Not here: any part's own rules, any
 * drawing.
 */
import { computed, reactive, readonly, shallowRef } from "vue";
import { pair, readSnapshot, say, sendFixes } from "../api/field";
import { newKey } from "../api/http";
import type { Answer, Fix, Callout, Me, Paired, Saying, ServerTime, Snapshot, Word, WorkRecord } from "../api/types";
import { Kept } from "../kept/database";
import { browserSocket, Link, type LinkState } from "../live/link";
import { Outbox, type Entry, type Line } from "../outbox/outbox";
import { browserWatch, Positions, type Reception } from "../place/positions";
import { businessMs, syncFrom, type TimeSync } from "../time/clock";
import { fromSnapshot, takenAway, withChanges, withCallout, type HeldCallout, type HeldCallouts } from "./callouts";
import { planned } from "./planned";
import { inOrder, standing } from "./standing";

export interface Pairing {
  token: string;
  phoneId: string;
  company: string;
  person: Me["person"];
}

/** What the crew's last reading was taken with. */
export interface Instrument {
  number: string;
  calibrationDue: string | null;
  unit: "%LEL" | "%vol" | "ppm";
}

/** A fix older than this says nothing about where a word was said. */
const FIX_GOOD_MS = 120_000;
const FLUSH_EVERY_MS = 10_000;
const LOOK_AGAIN_MS = 5 * 60_000;
const TICK_MS = 250;

interface State {
  /** Everything kept has been read; before it nothing is shown. */
  opened: boolean;
  pairing: Pairing | null;
  /** The company this phone belonged to last, so that nobody types it twice. */
  company: string;
  /** The server said that this phone is no longer paired. */
  revoked: boolean;
  me: Me | null;
  link: LinkState;
  line: Line;
  reception: Reception;
  fix: Fix | null;
  sync: TimeSync | null;
  /** When the server was last heard, by the phone's clock. */
  heardMs: number | null;
  instrument: Instrument;
  phoneMs: number;
}

const state = reactive<State>({
  opened: false,
  pairing: null,
  company: "",
  revoked: false,
  me: null,
  link: "connecting",
  line: { state: "idle", nextAt: null },
  reception: "off",
  fix: null,
  sync: null,
  heardMs: null,
  instrument: { number: "", calibrationDue: null, unit: "%LEL" },
  phoneMs: Date.now(),
});
const held = shallowRef<HeldCallouts>(new Map());
const entries = shallowRef<readonly Entry[]>([]);

/** Callouts taken from the crew, not yet read by anybody. */
const takenIds = shallowRef<readonly string[]>([]);
export const taken = computed<Callout[]>(() => takenIds.value.flatMap((id) => held.value.get(id)?.callout ?? []));

export const phone = readonly(state);
export const words = entries;

/** Business time now, ticking a few times a second. */
export const nowMs = computed(() => businessMs(state.sync, state.phoneMs));
export const callouts = computed<Callout[]>(() => inOrder([...held.value.values()].map((one) => one.callout), entries.value));
export const waiting = computed(() => entries.value.filter((entry) => entry.fate === "kept"));
/** Words the server would not take, not yet read by anybody. */
export const troubles = computed(() =>
  entries.value.filter((entry) => !entry.read && (entry.fate === "rejected" || entry.outcome === "refused")),
);
export const heldCallout = (id: string): HeldCallout | undefined => held.value.get(id);

const offered = computed<Callout[]>(() =>
  state.pairing === null
    ? []
    : callouts.value.filter((callout) => held.value.get(callout.id)?.gone === false && standing(callout, entries.value).state === "offered"),
);
/** The offer that rings, if one does. Planned work waits to be looked at: it never rings. */
export const ringing = computed<Callout | null>(() => offered.value.find((callout) => !planned(callout)) ?? null);
/** Planned work nobody has agreed to yet. */
export const arranged = computed<Callout[]>(() => offered.value.filter(planned));

/** Records begun and not yet told, by assignment; a form closed half-way goes on where it was. */
const drafts = new Map<string, WorkRecord>();
export const draftOf = (id: string): WorkRecord | undefined => drafts.get(id);

export function keepDraft(id: string, record: WorkRecord): void {
  drafts.set(id, record);
  void kept.set("drafts", [...drafts]);
}

/** Records of work this phone no longer shows are forgotten with it. */
function dropDrafts(): void {
  for (const id of drafts.keys()) if (!held.value.has(id)) drafts.delete(id);
  void kept.set("drafts", [...drafts]);
}

let kept: Kept;
let outbox: Outbox;
let link: Link;
let positions: Positions;

/** Read what is kept and begin. To be awaited once, before the first picture. */
export async function openPhone(): Promise<void> {
  kept = await Kept.open();
  const later = (run: () => void, ms: number) => {
    const timer = window.setTimeout(run, ms);
    return () => window.clearTimeout(timer);
  };
  outbox = new Outbox(
    kept,
    { say, now: Date.now, later, chance: Math.random },
    {
      entries: (all) => (entries.value = all),
      line: (line) => (state.line = line),
      answered: (_entry, answer) => heardAnswer(answer),
      unpaired: () => void unpaired(),
    },
  );
  link = new Link(
    { snapshot: readSnapshot, open: browserSocket, later, chance: Math.random },
    {
      snapshot: heardSnapshot,
      changes: (changes) => keepCallouts(withChanges(held.value, changes, Date.now())),
      time: heardTime,
      link: heardLink,
      unpaired: () => void unpaired(),
    },
  );
  positions = new Positions(
    kept,
    { watch: browserWatch, send: sendFixes, now: Date.now },
    {
      fix: (fix) => (state.fix = fix),
      reception: (reception) => (state.reception = reception),
      unpaired: () => void unpaired(),
    },
  );
  await outbox.open();
  state.pairing = (await kept.get<Pairing>("pairing")) ?? null;
  state.company = (await kept.get<string>("company")) ?? "";
  state.instrument = (await kept.get<Instrument>("instrument")) ?? state.instrument;
  if (state.pairing !== null) {
    state.me = (await kept.get<Me>("me")) ?? null;
    state.sync = (await kept.get<TimeSync>("sync")) ?? null;
    state.heardMs = state.sync?.phoneMs ?? null;
    held.value = new Map((await kept.get<[string, HeldCallout][]>("callouts")) ?? []);
    for (const [id, record] of (await kept.get<[string, WorkRecord][]>("drafts")) ?? []) drafts.set(id, record);
    carryOn(state.pairing);
  }
  state.opened = true;
  window.setInterval(() => (state.phoneMs = Date.now()), TICK_MS);
  window.setInterval(() => void positions.flush(), FLUSH_EVERY_MS);
  window.setInterval(() => void lookAgain(), LOOK_AGAIN_MS);
  window.addEventListener("online", hurry);
  window.addEventListener("offline", () => {
    if (state.link === "live") state.link = "lost";
  });
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") hurry();
  });
}

function carryOn(pairing: Pairing): void {
  outbox.carry({ token: pairing.token, personId: pairing.person.id });
  link.start(pairing.token);
  watchDuty();
}

/** Pair this phone; throws what the API throws. */
export async function pairPhone(company: string, code: string, deviceName: string): Promise<void> {
  const paired: Paired = await pair(company, code, deviceName);
  const former = await kept.get<string>("person");
  if (former !== paired.person.id) await kept.clear("fixes");
  const pairing: Pairing = { token: paired.token, phoneId: paired.phone_id, company, person: paired.person };
  state.me = { person: paired.person, crew: paired.crew };
  state.revoked = false;
  state.company = company;
  await kept.set("pairing", pairing);
  await kept.set("company", company);
  await kept.set("person", paired.person.id);
  await kept.set("me", state.me);
  state.pairing = pairing;
  carryOn(pairing);
}

/**
 * The server no longer knows this phone, or its user gives it back. What callers said is
 * forgotten, the outbox is not: its words leave when the same person pairs again.
 */
export async function unpaired(revoked = true): Promise<void> {
  if (state.pairing === null) return;
  state.pairing = null;
  state.revoked = revoked;
  state.me = null;
  held.value = new Map();
  drafts.clear();
  takenIds.value = [];
  outbox.carry(null);
  link.stop();
  positions.carry(null);
  for (const name of ["pairing", "me", "callouts", "drafts", "sync"]) await kept.set(name, undefined);
}

/** The word said last, by its order, so that the screen can say what becomes of it. */
export const lastTold = shallowRef<{ order: number | null; verb: Saying["verb"]; atMs: number } | null>(null);

/** Say a word about an assignment. Resolves when the word is on disk, to whether it is. */
export async function tell(assignmentId: string, saying: Saying): Promise<boolean> {
  const at = Date.now();
  const fix = state.fix !== null && at - Date.parse(state.fix.at) <= FIX_GOOD_MS ? state.fix : null;
  const word: Word = {
    ...saying,
    key: newKey(),
    assignment_id: assignmentId,
    occurred_at: new Date(at).toISOString(),
    ...(fix === null ? {} : { fix }),
  };
  try {
    const entry = await outbox.put(word);
    lastTold.value = { order: entry.order, verb: saying.verb, atMs: at };
    return true;
  } catch {
    // A full or broken disk: nothing was kept, and the crew must know that at once.
    lastTold.value = { order: null, verb: saying.verb, atMs: at };
    return false;
  }
}

/** The note about the last word has been seen. */
export function noteSeen(): void {
  lastTold.value = null;
}

/** Try everything now that waits for a line. */
export function hurry(): void {
  outbox.hurry();
  link.hurry();
  void positions.flush();
}

export function readTaken(): void {
  takenIds.value = [];
}

export async function readTroubles(orders: readonly number[]): Promise<void> {
  await outbox.markRead(orders);
}

export async function keepInstrument(instrument: Instrument): Promise<void> {
  state.instrument = instrument;
  await kept.set("instrument", instrument);
}

function heardSnapshot(snapshot: Snapshot): void {
  state.me = snapshot.me;
  keepCallouts(fromSnapshot(held.value, snapshot, Date.now()));
  heardTime(snapshot.time);
  void kept.set("me", snapshot.me);
  void kept.set("sync", state.sync);
  watchDuty();
}

function heardAnswer(answer: Answer): void {
  if (answer.assignment !== null) keepCallouts(withCallout(held.value, answer.assignment, Date.now()));
}

function heardTime(time: ServerTime): void {
  state.sync = syncFrom(time, Date.now());
  state.heardMs = state.sync.phoneMs;
}

function heardLink(next: LinkState): void {
  // The line is back: what waited in backoff need not wait any longer.
  const back = next === "live" && state.link !== "live";
  state.link = next;
  if (back && state.line.state === "waiting") outbox.hurry();
}

function keepCallouts(next: HeldCallouts): void {
  const lost = takenAway(held.value, next);
  if (lost.length > 0) takenIds.value = [...takenIds.value, ...lost.map((callout) => callout.id)];
  held.value = next;
  if (drafts.size > 0) dropDrafts();
  void kept.set("callouts", [...next]);
}

/** Nobody's place is told outside a shift. */
function watchDuty(): void {
  positions.carry(state.me?.crew?.on_duty === true ? (state.pairing?.token ?? null) : null);
}

/** Shifts begin and end without a change of the crew's assignments. */
async function lookAgain(): Promise<void> {
  const token = state.pairing?.token;
  if (token === undefined || state.link !== "live") return;
  try {
    const snapshot = await readSnapshot(token);
    if (state.pairing?.token === token) heardSnapshot(snapshot);
  } catch {
    // The socket notices a lost line or a revoked phone by itself, and says so.
  }
}
