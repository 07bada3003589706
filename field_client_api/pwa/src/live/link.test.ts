import { describe, expect, it } from "vitest";
import type { Frame, Snapshot } from "../api/types";
import { Unanswered, Unpaired } from "../api/http";
import { BACKOFF_MS, Link, SIGNED_OUT, SILENCE_MS, type LinkState } from "./link";

const SNAPSHOT: Snapshot = {
  seq: 7,
  time: { now: "2026-11-21T04:00:00Z", speed: 1 },
  me: { person: { id: "p", name: "n" }, crew: null },
  callouts: [],
};

function scene(snapshot: () => Promise<Snapshot> = () => Promise.resolve(SNAPSHOT)) {
  const told = {
    states: [] as LinkState[],
    snapshots: 0,
    changes: 0,
    unpaired: 0,
    opened: [] as { token: string; after: number; heard: (frame: Frame) => void; closed: (code: number) => void; shut: boolean }[],
    timers: [] as { run: () => void; ms: number }[],
  };
  const link = new Link(
    {
      snapshot,
      open(token, after, heard, closed) {
        const wire = { token, after, heard, closed, shut: false };
        told.opened.push(wire);
        return { close: () => (wire.shut = true) };
      },
      later(run, ms) {
        const timer = { run, ms };
        told.timers.push(timer);
        return () => (told.timers = told.timers.filter((one) => one !== timer));
      },
      chance: () => 0.5,
    },
    {
      snapshot: () => (told.snapshots += 1),
      changes: (changes) => (told.changes += changes.length),
      time: () => undefined,
      link: (state) => told.states.push(state),
      unpaired: () => (told.unpaired += 1),
    },
  );
  return { link, told };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));
const beat: Frame = { type: "time", now: "2026-11-21T04:00:01Z", speed: 1 };

describe("the live link", () => {
  it("reads the snapshot, then listens after it, and is live once it has heard", async () => {
    const { link, told } = scene();
    link.start("t");
    await settled();
    expect(told.opened[0]).toMatchObject({ token: "t", after: 7 });
    expect(told.states).toEqual(["connecting"]);
    told.opened[0]!.heard(beat);
    expect(told.states.at(-1)).toBe("live");
  });

  it("takes silence for a lost line and starts over with a snapshot", async () => {
    const { link, told } = scene();
    link.start("t");
    await settled();
    told.opened[0]!.heard(beat);
    const silence = told.timers.find((timer) => timer.ms === SILENCE_MS)!;
    silence.run();
    expect(told.states.at(-1)).toBe("lost");
    expect(told.opened[0]!.shut).toBe(true);
    told.timers.find((timer) => timer.ms === BACKOFF_MS[0])!.run();
    await settled();
    expect(told.snapshots).toBe(2);
  });

  it("waits longer each time nobody answers, and hurries when told", async () => {
    const { link, told } = scene(() => Promise.reject(new Unanswered(null)));
    link.start("t");
    await settled();
    for (const ms of BACKOFF_MS.slice(0, 3)) {
      const timer = told.timers.find((one) => one.ms === ms)!;
      told.timers = told.timers.filter((one) => one !== timer);
      timer.run();
      await settled();
    }
    expect(told.timers.map((timer) => timer.ms)).toEqual([BACKOFF_MS[3]]);
    link.hurry();
    await settled();
    expect(told.timers.map((timer) => timer.ms)).toEqual([BACKOFF_MS[0]]);
  });

  it("does not believe a socket it has left", async () => {
    const { link, told } = scene();
    link.start("t");
    await settled();
    told.opened[0]!.closed(1006);
    told.opened[0]!.heard({ type: "changes", seq: 9, changes: [{ seq: 9, kind: "x", id: "i", version: 1, body: null }] });
    expect(told.changes).toBe(0);
  });

  it("reads a new snapshot when the server asks for it", async () => {
    const { link, told } = scene();
    link.start("t");
    await settled();
    told.opened[0]!.heard({ type: "resnapshot" });
    await settled();
    expect(told.snapshots).toBe(2);
    expect(told.opened).toHaveLength(2);
  });

  it("stops when the phone is revoked, by snapshot or by socket", async () => {
    const refused = scene(() => Promise.reject(new Unpaired()));
    refused.link.start("t");
    await settled();
    expect(refused.told).toMatchObject({ unpaired: 1, timers: [] });

    const closed = scene();
    closed.link.start("t");
    await settled();
    closed.told.opened[0]!.closed(SIGNED_OUT);
    expect(closed.told).toMatchObject({ unpaired: 1, timers: [] });
  });
});
