import { beforeEach, describe, expect, it } from "vitest";
import type { Frame, Snapshot } from "../api/types";
import { FeedClient, SILENCE_MS, SNAPSHOT_MS, type Link, type Outside } from "./client";
import type { Copy } from "./fold";

function snapshot(seq: number): Snapshot {
  return {
    seq,
    time: { now: "2026-11-21T00:00:00Z", speed: 1 },
    company: { id: "c", code: "cm", name_zh: "", name_en: "", time_zone: "Asia/Shanghai", policy_pack: "p" },
    incidents: [],
    calls: [],
    work_orders: [],
    assignments: [],
    clocks: [],
    crews: [],
    alarms: [],
    closures: [],
    stations: [],
    positions: [],
  };
}

interface Opened {
  after: number;
  heard: (frame: Frame) => void;
  closed: () => void;
  shut: boolean;
}

/** A network and a timer that do exactly what the test says, and nothing by themselves. */
class Rig implements Outside {
  snapshots: (Snapshot | Error)[] = [];
  asked = 0;
  sockets: Opened[] = [];
  timers: { run: () => void; ms: number; live: boolean }[] = [];
  links: Link[] = [];
  copies: Copy[] = [];
  besides: string[] = [];
  client = new FeedClient(this, {
    copy: (copy) => this.copies.push(copy),
    snapshot: () => undefined,
    positions: () => undefined,
    time: () => undefined,
    link: (link) => this.links.push(link),
    beside: (changes) => this.besides.push(...changes.map((one) => `${one.kind} ${one.id}`)),
  });

  async snapshot(): Promise<Snapshot> {
    this.asked += 1;
    const next = this.snapshots.shift();
    if (next === undefined || next instanceof Error) throw next ?? new Error("no network");
    return next;
  }
  open(after: number, heard: (frame: Frame) => void, closed: () => void) {
    const opened: Opened = { after, heard, closed, shut: false };
    this.sockets.push(opened);
    return { close: () => void (opened.shut = true) };
  }
  later(run: () => void, ms: number) {
    const timer = { run, ms, live: true };
    this.timers.push(timer);
    return () => void (timer.live = false);
  }
  chance() {
    return 0.5;
  }
  /** Let the pending timer that waits `ms` fire. */
  pass(match: (ms: number) => boolean) {
    const timer = this.timers.find((waiting) => waiting.live && match(waiting.ms));
    if (!timer) throw new Error("no such timer");
    timer.live = false;
    timer.run();
  }
  get link(): Link {
    return this.links.at(-1)!;
  }
  get socket(): Opened {
    return this.sockets.at(-1)!;
  }
}

const settle = () => new Promise<void>((done) => queueMicrotask(() => queueMicrotask(() => queueMicrotask(done))));
const time: Frame = { type: "time", now: "2026-11-21T00:00:05Z", speed: 1 };
const empty = (seq: number, after?: number): Frame => ({ type: "changes", seq, changes: [], ...(after === undefined ? {} : { after }) });

describe("keeping in step", () => {
  let rig: Rig;
  beforeEach(async () => {
    rig = new Rig();
    rig.snapshots = [snapshot(41)];
    rig.client.start();
    await settle();
  });

  it("takes a snapshot, then asks for what comes after it", () => {
    expect(rig.asked).toBe(1);
    expect(rig.socket.after).toBe(41);
    expect(rig.link.state).toBe("live");
  });

  it("tells of things it keeps no copy of, and goes on counting", () => {
    const change = { seq: 42, kind: "case", id: "c1", version: 2, body: null } as never;
    rig.socket.heard({ type: "changes", seq: 42, changes: [change] });
    expect(rig.besides).toEqual(["case c1"]);
    rig.socket.closed();
    rig.pass((ms) => ms === 500);
    expect(rig.socket.after).toBe(42);
  });

  it("catches up from where it was after a broken socket, without a new snapshot", () => {
    rig.socket.heard(empty(45));
    rig.socket.closed();
    expect(rig.link).toMatchObject({ state: "lost", tries: 1, heardAt: "2026-11-21T00:00:00Z" });
    rig.pass((ms) => ms === 500);
    expect(rig.sockets).toHaveLength(2);
    expect(rig.socket.after).toBe(45);
    expect(rig.asked).toBe(1);
    rig.socket.heard(time);
    expect(rig.link).toEqual({ state: "live", heardAt: "2026-11-21T00:00:05Z", tries: 0 });
  });

  it("comes back from where the heartbeat said it is, never from before", () => {
    rig.socket.heard({ ...time, seq: 52 } as Frame);
    rig.socket.heard({ ...time, seq: 40 } as Frame);
    rig.socket.closed();
    rig.pass((ms) => ms === 500);
    expect(rig.socket.after).toBe(52);
  });

  it("says lost when the socket is open but silent", () => {
    rig.pass((ms) => ms === SILENCE_MS);
    expect(rig.link.state).toBe("lost");
    expect(rig.socket.shut).toBe(true);
  });

  it("does not believe a frame of a socket it gave up", () => {
    const old = rig.socket;
    old.closed();
    rig.pass((ms) => ms === 500);
    old.heard(empty(99));
    rig.socket.closed();
    rig.pass((ms) => ms === 1000);
    expect(rig.socket.after).toBe(41);
  });

  it("starts over from a snapshot when the server says so", async () => {
    rig.snapshots = [snapshot(80)];
    rig.socket.heard({ type: "resnapshot" });
    await settle();
    expect(rig.asked).toBe(2);
    expect(rig.socket.after).toBe(80);
  });

  it("starts over from a snapshot at a gap", async () => {
    rig.snapshots = [snapshot(90)];
    rig.socket.heard(empty(60, 55));
    await settle();
    expect(rig.asked).toBe(2);
    expect(rig.socket.after).toBe(90);
  });

  it("waits longer each time, and never longer than eight seconds", () => {
    const waits: number[] = [];
    for (let round = 0; round < 7; round += 1) {
      rig.socket.closed();
      const timer = rig.timers.filter((waiting) => waiting.live && waiting.ms <= 8000 && waiting.ms !== SILENCE_MS).at(-1)!;
      waits.push(timer.ms);
      timer.live = false;
      timer.run();
    }
    expect(waits).toEqual([500, 1000, 2000, 4000, 8000, 8000, 8000]);
  });

  it("keeps trying when the snapshot itself fails", async () => {
    rig.snapshots = [new Error("down"), snapshot(50)];
    rig.socket.heard({ type: "resnapshot" });
    await settle();
    expect(rig.link.state).toBe("lost");
    // The copy still held is from before; the server said it cannot be continued.
    rig.pass((ms) => ms === 500);
    await settle();
    expect(rig.asked).toBe(3);
    expect(rig.socket.after).toBe(50);
  });

  it("does not wait for ever for a snapshot, nor believe it when it comes after all", async () => {
    let answer: (late: Snapshot) => void = () => undefined;
    rig.snapshot = () => new Promise<Snapshot>((resolve) => (answer = resolve));
    rig.socket.heard({ type: "resnapshot" });
    rig.pass((ms) => ms === SNAPSHOT_MS);
    expect(rig.link.state).toBe("lost");
    answer(snapshot(70));
    await settle();
    expect(rig.sockets).toHaveLength(1);
  });

  it("stops for good when told to", () => {
    rig.client.stop();
    expect(rig.socket.shut).toBe(true);
    rig.socket.closed();
    expect(rig.timers.some((timer) => timer.live)).toBe(false);
  });
});
