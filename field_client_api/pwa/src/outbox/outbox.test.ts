import "fake-indexeddb/auto";
import { beforeEach, describe, expect, it } from "vitest";
import type { Answer, Word } from "../api/types";
import { Refused, Unanswered, Unpaired } from "../api/http";
import { Kept } from "../kept/database";
import { BACKOFF_MS, Outbox, type Entry, type Line } from "./outbox";

const ME = { token: "t1", personId: "p1" };
let numbers = 0;

/** A server and a line to it, both as the test wants them. */
class Scene {
  kept!: Kept;
  outbox!: Outbox;
  entries: readonly Entry[] = [];
  line: Line = { state: "idle", nextAt: null };
  received: { token: string; word: Word; sentAt: string }[] = [];
  unpaired = 0;
  now = Date.parse("2026-11-21T04:00:00Z");
  timers: { run: () => void; at: number }[] = [];
  answer: (word: Word) => Answer = (word) => ({ key: word.key, outcome: "applied", code: null, title: null, assignment: null });

  constructor(private readonly name = `outbox-${++numbers}`) {}

  async open(): Promise<this> {
    this.kept = await Kept.open(this.name);
    this.outbox = new Outbox(
      this.kept,
      {
        say: async (token, word, sentAt) => {
          this.received.push({ token, word, sentAt });
          await Promise.resolve();
          return this.answer(word);
        },
        now: () => this.now,
        later: (run, ms) => {
          const timer = { run, at: this.now + ms };
          this.timers.push(timer);
          return () => (this.timers = this.timers.filter((one) => one !== timer));
        },
        chance: () => 0.5,
      },
      {
        entries: (entries) => (this.entries = entries),
        line: (line) => (this.line = line),
        answered: () => undefined,
        unpaired: () => (this.unpaired += 1),
      },
    );
    await this.outbox.open();
    return this;
  }

  /** The battery died: everything but the disk is gone. */
  async reborn(): Promise<Scene> {
    this.kept.close();
    const next = new Scene(this.name);
    next.answer = this.answer;
    return next.open();
  }

  word(verb: "arrive" | "acknowledge" | "clear", at = this.now): Word {
    const common = { key: `key-${++numbers}`, assignment_id: "a1", occurred_at: new Date(at).toISOString() };
    return verb === "clear" ? { verb, words: null, ...common } : { verb, ...common };
  }

  /** Wait (without time) until the line rests in one of these states. */
  async rests(...states: Line["state"][]): Promise<void> {
    for (let turn = 0; turn < 2000; turn += 1) {
      await new Promise((resolve) => setImmediate(resolve));
      if (states.includes(this.line.state) && !this.busy()) return;
    }
    throw new Error(`still ${this.line.state}`);
  }

  private busy(): boolean {
    return (this.outbox as unknown as { running: boolean }).running;
  }

  async pass(ms: number): Promise<void> {
    this.now += ms;
    const due = this.timers.filter((timer) => timer.at <= this.now);
    this.timers = this.timers.filter((timer) => timer.at > this.now);
    for (const timer of due) timer.run();
    await this.rests("idle", "waiting", "held");
  }
}

const nobody = (): Answer => {
  throw new Unanswered(null);
};

describe("the outbox", () => {
  let scene: Scene;
  beforeEach(async () => {
    scene = await new Scene().open();
    scene.outbox.carry(ME);
  });

  it("has a word on disk before it calls it kept", async () => {
    scene.answer = nobody;
    const entry = await scene.outbox.put(scene.word("arrive"));
    expect((await scene.kept.all<Entry>("outbox")).map((one) => one.word.key)).toEqual([entry.word.key]);
  });

  it("sends one by one, the oldest first", async () => {
    let open = 0;
    const answer = scene.answer;
    scene.answer = (word) => {
      open += 1;
      expect(open).toBe(1);
      open -= 1;
      return answer(word);
    };
    const words = [scene.word("acknowledge"), scene.word("arrive"), scene.word("clear")];
    await Promise.all(words.map((word) => scene.outbox.put(word)));
    await scene.rests("idle");
    expect(scene.received.map((one) => one.word)).toEqual(words);
    expect(scene.entries.map((entry) => entry.fate)).toEqual(["answered", "answered", "answered"]);
  });

  it("holds the later words back while the first is unanswered, and waits longer each time", async () => {
    scene.answer = nobody;
    const first = scene.word("acknowledge");
    await scene.outbox.put(first);
    await scene.rests("waiting");
    await scene.outbox.put(scene.word("arrive"));
    await scene.rests("waiting");
    const waits = [];
    for (let turn = 0; turn < 8; turn += 1) {
      const wait = scene.line.nextAt! - scene.now;
      waits.push(wait);
      await scene.pass(wait);
    }
    expect(new Set(scene.received.map((one) => one.word.key))).toEqual(new Set([first.key]));
    // The second word's own attempt has taken the first of the waits.
    expect(waits).toEqual([...BACKOFF_MS.slice(1), 30_000, 30_000, 30_000]);
  });

  it("repeats the very same word but for the clock at the sending", async () => {
    scene.answer = nobody;
    const said = scene.word("arrive");
    await scene.outbox.put(said);
    await scene.rests("waiting");
    await scene.pass(60_000);
    const [first, second] = scene.received;
    expect(second!.word).toEqual(first!.word);
    expect(first!.word.occurred_at).toBe(said.occurred_at);
    expect(Date.parse(second!.sentAt) - Date.parse(first!.sentAt)).toBe(60_000);
  });

  it("sends at once when told to hurry", async () => {
    scene.answer = nobody;
    await scene.outbox.put(scene.word("arrive"));
    await scene.rests("waiting");
    scene.answer = (word) => ({ key: word.key, outcome: "late", code: null, title: null, assignment: null });
    scene.outbox.hurry();
    await scene.rests("idle");
    expect(scene.entries[0]).toMatchObject({ fate: "answered", outcome: "late", tries: 2 });
    expect(scene.timers).toEqual([]);
  });

  it("keeps a word while the server says too many requests", async () => {
    scene.answer = () => {
      throw new Refused(429, "too_many_attempts", "");
    };
    await scene.outbox.put(scene.word("arrive"));
    await scene.rests("waiting");
    expect(scene.entries[0]!.fate).toBe("kept");
  });

  it("survives a dead battery, with its order", async () => {
    scene.answer = nobody;
    const words = [scene.word("acknowledge"), scene.word("arrive")];
    for (const word of words) await scene.outbox.put(word);
    await scene.rests("waiting");
    const next = await scene.reborn();
    expect(next.entries.map((entry) => entry.fate)).toEqual(["kept", "kept"]);
    next.answer = (word) => ({ key: word.key, outcome: "applied", code: null, title: null, assignment: null });
    next.outbox.carry(ME);
    await next.rests("idle");
    expect(next.received.map((one) => one.word.key)).toEqual(words.map((word) => word.key));
  });

  it("shows a refused word with its reason and goes on with the next", async () => {
    scene.answer = (word) =>
      word.verb === "arrive"
        ? { key: word.key, outcome: "refused", code: "assignment_recalled", title: "Recalled.", assignment: null }
        : { key: word.key, outcome: "applied", code: null, title: null, assignment: null };
    await scene.outbox.put(scene.word("arrive"));
    await scene.outbox.put(scene.word("clear"));
    await scene.rests("idle");
    expect(scene.entries[0]).toMatchObject({ fate: "answered", outcome: "refused", title: "Recalled.", read: false });
    expect(scene.entries[1]).toMatchObject({ fate: "answered", outcome: "applied" });
    await scene.outbox.markRead([scene.entries[0]!.order]);
    expect((await scene.reborn()).entries[0]).toMatchObject({ outcome: "refused", read: true });
  });

  it("keeps a word the server will not take, and lets the others pass", async () => {
    const answer = scene.answer;
    scene.answer = (word) => {
      if (word.verb === "arrive") throw new Refused(422, "idempotency_key_reused", "Key reused.");
      return answer(word);
    };
    await scene.outbox.put(scene.word("arrive"));
    await scene.outbox.put(scene.word("clear"));
    await scene.rests("idle");
    expect(scene.entries.map((entry) => entry.fate)).toEqual(["rejected", "answered"]);
    expect((await scene.kept.all<Entry>("outbox"))[0]).toMatchObject({ fate: "rejected", code: "idempotency_key_reused" });
  });

  it("loses nothing when the phone is revoked, and sends when its person pairs again", async () => {
    scene.answer = () => {
      throw new Unpaired();
    };
    const said = scene.word("arrive");
    await scene.outbox.put(said);
    await scene.rests("held");
    expect(scene.unpaired).toBe(1);
    expect(scene.entries[0]!.fate).toBe("kept");
    await expect(scene.outbox.put(scene.word("clear"))).rejects.toThrow();

    scene.answer = (word) => ({ key: word.key, outcome: "applied", code: null, title: null, assignment: null });
    scene.outbox.carry({ token: "t2", personId: "p2" });
    await scene.rests("held");
    expect(scene.received).toHaveLength(1);

    scene.outbox.carry({ token: "t3", personId: "p1" });
    await scene.rests("idle");
    expect(scene.received.at(-1)).toMatchObject({ token: "t3", word: { key: said.key } });
  });

  it("forgets answered words after three days, never unanswered ones", async () => {
    await scene.outbox.put(scene.word("acknowledge"));
    await scene.rests("idle");
    scene.answer = nobody;
    await scene.outbox.put(scene.word("arrive"));
    await scene.rests("waiting");
    const next = new Scene((scene as unknown as { name: string }).name);
    scene.kept.close();
    next.now = scene.now + 4 * 24 * 3600 * 1000;
    await next.open();
    expect(next.entries.map((entry) => entry.word.verb)).toEqual(["arrive"]);
  });
});
