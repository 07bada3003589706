/**
 * The desk's copy of the feed, as pure functions: a snapshot is laid down, changes are laid
 * over it. Belongs here: which representation of a thing is the newest. Not here: sockets,
 * clocks, anything a screen derives. A change carries the whole thing, so it is put in place
 * of the older one and never merged into it.
 */
import type { Change, Kind, Kinds, Snapshot } from "../api/types";

export type Shelf<K extends Kind> = ReadonlyMap<string, Kinds[K]>;
export type Shelves = { readonly [K in Kind]: Shelf<K> };

export interface Copy {
  /** The last seq this copy holds everything up to. */
  readonly seq: number;
  readonly shelves: Shelves;
  /** Versions of things that are gone, so that a late old change cannot bring them back. */
  readonly gone: ReadonlyMap<string, number>;
  /** The seq that brought each thing since the snapshot; what is not listed came with it. */
  readonly brought: ReadonlyMap<string, number>;
  /** The seq of the snapshot this copy began with. */
  readonly began: number;
}

export const KINDS: readonly Kind[] = [
  "incident",
  "call",
  "work_order",
  "assignment",
  "clock",
  "crew",
  "alarm",
  "timeline",
  "closure",
];

function shelve<T extends { id: string }>(things: readonly T[] | undefined): ReadonlyMap<string, T> {
  return new Map((things ?? []).map((thing) => [thing.id, thing]));
}

export function emptyCopy(): Copy {
  return copyOf(-1, {});
}

function copyOf(seq: number, given: Partial<Shelves>): Copy {
  const empty = new Map<string, never>();
  return {
    seq,
    began: seq,
    gone: new Map(),
    brought: new Map(),
    shelves: {
      incident: given.incident ?? empty,
      call: given.call ?? empty,
      work_order: given.work_order ?? empty,
      assignment: given.assignment ?? empty,
      clock: given.clock ?? empty,
      crew: given.crew ?? empty,
      alarm: given.alarm ?? empty,
      timeline: given.timeline ?? empty,
      closure: given.closure ?? empty,
    },
  };
}

/** A fresh copy: everything known before is forgotten, because the snapshot is complete. */
export function fromSnapshot(snapshot: Snapshot): Copy {
  return copyOf(snapshot.seq, {
    incident: shelve(snapshot.incidents),
    call: shelve(snapshot.calls),
    work_order: shelve(snapshot.work_orders),
    assignment: shelve(snapshot.assignments),
    clock: shelve(snapshot.clocks),
    crew: shelve(snapshot.crews),
    alarm: shelve(snapshot.alarms),
    closure: shelve(snapshot.closures),
  });
}

export type Verdict = "applied" | "gap";

export interface Laid {
  copy: Copy;
  verdict: Verdict;
  /** The kinds whose shelf is a new map now; the others are the very same object. */
  touched: ReadonlySet<Kind>;
}

/**
 * Lay a frame's changes over a copy.
 *
 * `after` is the seq the sender believed this client to hold. When it lies beyond what the
 * copy holds, something between was lost: the verdict is `gap`, nothing is changed, and the
 * caller must take a new snapshot. Without `after` the frame's own order is trusted.
 */
export function lay(copy: Copy, frame: { seq: number; after?: number; changes: readonly Change[] }): Laid {
  if (frame.after !== undefined && frame.after > copy.seq) {
    return { copy, verdict: "gap", touched: new Set() };
  }
  const drafts = new Map<Kind, Map<string, Kinds[Kind]>>();
  const gone = new Map(copy.gone);
  const brought = new Map(copy.brought);
  for (const change of frame.changes) {
    if (!KINDS.includes(change.kind)) continue;
    const draft = drafts.get(change.kind) ?? new Map<string, Kinds[Kind]>(copy.shelves[change.kind]);
    if (put(draft, gone, brought, copy.began, change)) drafts.set(change.kind, draft);
  }
  forget(drafts.get("timeline"));
  const shelves = { ...copy.shelves, ...Object.fromEntries(drafts) } as Shelves;
  return {
    copy: { ...copy, seq: Math.max(copy.seq, frame.seq), shelves, gone, brought },
    verdict: "applied",
    touched: new Set(drafts.keys()),
  };
}

/** A desk stays open for weeks; older lines of the timeline are read again with the incident. */
export const TIMELINE_KEPT = 4000;

function forget(timeline: Map<string, unknown> | undefined): void {
  if (timeline === undefined || timeline.size <= TIMELINE_KEPT) return;
  for (const id of [...timeline.keys()].slice(0, timeline.size - TIMELINE_KEPT * 0.75)) timeline.delete(id);
}

/**
 * A newer version wins. With the same version the later seq wins: a representation also shows
 * what other rows say of the thing (a caller's answer still owed), and then only seq has grown.
 */
function put(
  draft: Map<string, Kinds[Kind]>,
  gone: Map<string, number>,
  brought: Map<string, number>,
  began: number,
  change: Change,
): boolean {
  const name = `${change.kind}/${change.id}`;
  const held = draft.get(change.id);
  const newest = Math.max(held?.version ?? -1, gone.get(name) ?? -1);
  if (change.version < newest) return false;
  if (change.version === newest && change.seq <= (brought.get(name) ?? began)) return false;
  // A line of the timeline never changes, and there are many: nothing to remember.
  if (change.kind !== "timeline") brought.set(name, change.seq);
  if (change.body === null) {
    gone.set(name, change.version);
    return draft.delete(change.id);
  }
  gone.delete(name);
  draft.set(change.id, change.body as Kinds[Kind]);
  return true;
}

/**
 * Lay things read outside the feed (an incident's detail) over a copy, by the same rule:
 * only what is newer than the one held. The copy's seq does not move.
 */
export function layRead<K extends Kind>(copy: Copy, kind: K, things: readonly Kinds[K][]): Laid {
  return lay(copy, {
    seq: copy.seq,
    changes: things.map((thing) => ({
      // As old as the snapshot: what the feed brought since then is not undone by a slow answer.
      seq: copy.began,
      kind,
      id: thing.id,
      version: thing.version,
      body: thing,
    })),
  });
}
