/**
 * The phone's copy of its crew's assignments. Newer versions win, whichever way they came; a callout
 * that a snapshot no longer has is kept for reading, marked as gone. Pure.
 */
import type { Change, Callout, Snapshot } from "../api/types";

export interface HeldCallout {
  callout: Callout;
  /** The server no longer counts it among the crew's live assignments. */
  gone: boolean;
  /** When it was last known to be live, milliseconds since the epoch by the phone's clock. */
  seenMs: number;
}

export type HeldCallouts = ReadonlyMap<string, HeldCallout>;

/** Ended callouts are read for this long: until the next shift has long begun. */
export const KEPT_MS = 12 * 3600 * 1000;

const ENDED = new Set(["cleared", "declined", "recalled", "expired"]);

export function fromSnapshot(held: HeldCallouts, snapshot: Snapshot, nowMs: number): HeldCallouts {
  const made = new Map<string, HeldCallout>();
  for (const callout of snapshot.callouts) {
    const before = held.get(callout.id);
    const newest = before !== undefined && before.callout.version > callout.version ? before.callout : callout;
    made.set(callout.id, { callout: newest, gone: false, seenMs: nowMs });
  }
  for (const [id, before] of held) {
    if (made.has(id) || nowMs - before.seenMs > KEPT_MS) continue;
    made.set(id, { ...before, gone: true });
  }
  return made;
}

export function withChanges(held: HeldCallouts, changes: readonly Change[], nowMs: number): HeldCallouts {
  const made = new Map(held);
  for (const change of changes) {
    if (change.kind !== "assignment_for_crew") continue;
    const before = made.get(change.id);
    if (change.body === null) {
      if (before !== undefined) made.set(change.id, { ...before, gone: true });
    } else if (before === undefined || change.body.version >= before.callout.version) {
      made.set(change.id, { callout: change.body, gone: ENDED.has(change.body.assignment.state), seenMs: nowMs });
    }
  }
  return made;
}

/** Callouts the desk or the clock took from the crew between two copies: the crew must hear of it. */
export function takenAway(before: HeldCallouts, after: HeldCallouts): Callout[] {
  const taken: Callout[] = [];
  for (const [id, now] of after) {
    const was = before.get(id);
    if (was === undefined || was.gone || !now.gone) continue;
    // Cleared and declined are the crew's own doing.
    if (!["cleared", "declined"].includes(now.callout.assignment.state)) taken.push(now.callout);
  }
  return taken;
}

/** Lay the callout an answer carried: it may be newer than what the socket has brought. */
export function withCallout(held: HeldCallouts, callout: Callout, nowMs: number): HeldCallouts {
  const change = { seq: 0, kind: "assignment_for_crew", id: callout.id, version: callout.version, body: callout };
  return withChanges(held, [change], nowMs);
}
