/**
 * The phone's copy of its crew's assignments. Newer versions win, whichever way they came; a job
 * that a snapshot no longer has is kept for reading, marked as gone. Pure.
 */
import type { Change, Job, Snapshot } from "../api/types";

export interface HeldJob {
  job: Job;
  /** The server no longer counts it among the crew's live assignments. */
  gone: boolean;
  /** When it was last known to be live, milliseconds since the epoch by the phone's clock. */
  seenMs: number;
}

export type HeldJobs = ReadonlyMap<string, HeldJob>;

/** Ended jobs are read for this long: until the next shift has long begun. */
export const KEPT_MS = 12 * 3600 * 1000;

const ENDED = new Set(["cleared", "declined", "recalled", "expired"]);

export function fromSnapshot(held: HeldJobs, snapshot: Snapshot, nowMs: number): HeldJobs {
  const made = new Map<string, HeldJob>();
  for (const job of snapshot.jobs) {
    const before = held.get(job.id);
    const newest = before !== undefined && before.job.version > job.version ? before.job : job;
    made.set(job.id, { job: newest, gone: false, seenMs: nowMs });
  }
  for (const [id, before] of held) {
    if (made.has(id) || nowMs - before.seenMs > KEPT_MS) continue;
    made.set(id, { ...before, gone: true });
  }
  return made;
}

export function withChanges(held: HeldJobs, changes: readonly Change[], nowMs: number): HeldJobs {
  const made = new Map(held);
  for (const change of changes) {
    if (change.kind !== "assignment_for_crew") continue;
    const before = made.get(change.id);
    if (change.body === null) {
      if (before !== undefined) made.set(change.id, { ...before, gone: true });
    } else if (before === undefined || change.body.version >= before.job.version) {
      made.set(change.id, { job: change.body, gone: ENDED.has(change.body.assignment.state), seenMs: nowMs });
    }
  }
  return made;
}

/** Jobs the desk or the clock took from the crew between two copies: the crew must hear of it. */
export function takenAway(before: HeldJobs, after: HeldJobs): Job[] {
  const taken: Job[] = [];
  for (const [id, now] of after) {
    const was = before.get(id);
    if (was === undefined || was.gone || !now.gone) continue;
    // Cleared and declined are the crew's own doing.
    if (!["cleared", "declined"].includes(now.job.assignment.state)) taken.push(now.job);
  }
  return taken;
}

/** Lay the job an answer carried: it may be newer than what the socket has brought. */
export function withJob(held: HeldJobs, job: Job, nowMs: number): HeldJobs {
  const change = { seq: 0, kind: "assignment_for_crew", id: job.id, version: job.version, body: job };
  return withChanges(held, [change], nowMs);
}
