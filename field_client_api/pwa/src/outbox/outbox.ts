/**
 * Words of the crew on their way to the server. A word is on disk before it counts as said; words
 * leave one by one, oldest first, until the server has answered each; none is ever dropped because
 * of what the network did. Not here: what a word means on screen (`work/standing`).
 */
import type { Answer, Outcome, Word } from "../api/types";
import { Refused, Unpaired } from "../api/http";
import type { Kept } from "../kept/database";

export type Fate =
  /** On disk, not yet answered. */
  | "kept"
  /** The server has it. */
  | "answered"
  /** The server understood the request and will not take it; shown until somebody has read it. */
  | "rejected";

export interface Entry {
  /** Place in the queue; grows with every word. */
  order: number;
  word: Word;
  fate: Fate;
  /** Who said it: another person's words never go out under this person's name. */
  personId: string;
  keptAt: string;
  tries: number;
  answeredAt: string | null;
  outcome: Outcome | null;
  code: string | null;
  title: string | null;
  /** Somebody has read that it was refused or rejected. */
  read: boolean;
}

export interface Line {
  /** "held": there is no token, or everything left is another person's. */
  state: "idle" | "sending" | "waiting" | "held";
  /** When the next try is due, milliseconds since the epoch; only while waiting. */
  nextAt: number | null;
}

export interface Bearer {
  token: string;
  personId: string;
}

export interface Outside {
  say(token: string, word: Word, sentAt: string): Promise<Answer>;
  /** The phone's clock, milliseconds since the epoch. */
  now(): number;
  /** Run later; returns how to cancel. */
  later(run: () => void, ms: number): () => void;
  /** 0..1, so that a district whose mast comes back does not answer in one millisecond. */
  chance(): number;
}

export interface Listener {
  entries(entries: readonly Entry[]): void;
  line(line: Line): void;
  answered(entry: Entry, answer: Answer): void;
  unpaired(): void;
}

export const BACKOFF_MS = [1000, 2000, 4000, 8000, 15_000, 30_000] as const;
/** Answered words older than this are no longer shown. */
export const SHOWN_MS = 3 * 24 * 3600 * 1000;

export class Outbox {
  private entries: Entry[] = [];
  private bearer: Bearer | null = null;
  private running = false;
  private again = false;
  private tries = 0;
  private cancel: () => void = () => undefined;

  constructor(
    private readonly kept: Kept,
    private readonly outside: Outside,
    private readonly listener: Listener,
  ) {}

  /** Read what earlier sessions kept. To be awaited before anything else. */
  async open(): Promise<void> {
    const oldest = this.outside.now() - SHOWN_MS;
    for (const entry of await this.kept.all<Entry>("outbox")) {
      const over = entry.answeredAt !== null && Date.parse(entry.answeredAt) < oldest;
      if (over) await this.kept.remove("outbox", entry.order);
      else this.entries.push(entry);
    }
    this.tell();
  }

  /** Whose words may leave now; null when this phone is not paired. */
  carry(bearer: Bearer | null): void {
    this.bearer = bearer;
    this.hurry();
  }

  /** Keep a word. Resolves when it is on disk; the sending begins by itself. */
  async put(word: Word): Promise<Entry> {
    if (this.bearer === null) throw new Error("no word without a person");
    const record: Omit<Entry, "order"> = {
      word,
      fate: "kept",
      personId: this.bearer.personId,
      keptAt: new Date(this.outside.now()).toISOString(),
      tries: 0,
      answeredAt: null,
      outcome: null,
      code: null,
      title: null,
      read: false,
    };
    const order = await this.kept.add("outbox", record);
    const entry: Entry = { ...record, order };
    this.entries.push(entry);
    this.tell();
    void this.run();
    return entry;
  }

  /** Try now: the user asked, or the network says it is back. */
  hurry(): void {
    this.cancel();
    this.tries = 0;
    void this.run();
  }

  /** The refusals of these words have been read. */
  async markRead(orders: readonly number[]): Promise<void> {
    for (const order of orders) await this.change(order, { read: true });
  }

  /** Words nobody has answered yet, whoever said them. */
  get waiting(): readonly Entry[] {
    return this.entries.filter((entry) => entry.fate === "kept");
  }

  private async run(): Promise<void> {
    if (this.running) {
      this.again = true;
      return;
    }
    this.cancel();
    this.running = true;
    try {
      await this.empty();
    } finally {
      this.running = false;
    }
    if (this.again) {
      this.again = false;
      void this.run();
    }
  }

  /** Send until nothing is left to send, or the line says stop. */
  private async empty(): Promise<void> {
    for (;;) {
      const bearer = this.bearer;
      const next = this.entries.find((entry) => entry.fate === "kept" && entry.personId === bearer?.personId);
      if (bearer === null || next === undefined) {
        this.line({ state: this.waiting.length > 0 ? "held" : "idle", nextAt: null });
        return;
      }
      this.line({ state: "sending", nextAt: null });
      const sent = await this.send(bearer, next);
      if (sent === "again") {
        const wait = BACKOFF_MS[Math.min(this.tries, BACKOFF_MS.length - 1)]! * (0.75 + this.outside.chance() / 2);
        this.tries += 1;
        this.line({ state: "waiting", nextAt: this.outside.now() + wait });
        this.cancel = this.outside.later(() => void this.run(), wait);
        return;
      }
      if (sent === "answered") this.tries = 0;
    }
  }

  private async send(bearer: Bearer, entry: Entry): Promise<"answered" | "again" | "unpaired"> {
    await this.change(entry.order, { tries: entry.tries + 1 });
    let answer: Answer;
    try {
      answer = await this.outside.say(bearer.token, entry.word, new Date(this.outside.now()).toISOString());
    } catch (failure) {
      if (failure instanceof Unpaired) {
        // The words stay: they leave when this person pairs the phone again. A token that was
        // replaced while this one was on its way is not given up for the old one's fault.
        if (this.bearer === bearer) {
          this.bearer = null;
          this.listener.unpaired();
        }
        return "unpaired";
      }
      // Too many requests is a matter of time; any other refusal will not change by repeating.
      if (failure instanceof Refused && failure.status !== 429) {
        await this.settle(entry.order, { fate: "rejected", code: failure.code, title: failure.title });
        return "answered";
      }
      return "again";
    }
    const settled = await this.settle(entry.order, {
      fate: "answered",
      outcome: answer.outcome,
      code: answer.code,
      title: answer.title,
    });
    this.listener.answered(settled, answer);
    return "answered";
  }

  private settle(order: number, known: Partial<Entry>): Promise<Entry> {
    return this.change(order, { ...known, answeredAt: new Date(this.outside.now()).toISOString() });
  }

  private async change(order: number, known: Partial<Entry>): Promise<Entry> {
    const at = this.entries.findIndex((entry) => entry.order === order);
    const before = this.entries[at];
    if (before === undefined) throw new Error(`no word ${order}`);
    const after: Entry = { ...before, ...known };
    await this.kept.put("outbox", after);
    this.entries[at] = after;
    this.tell();
    return after;
  }

  private tell(): void {
    this.listener.entries([...this.entries]);
  }

  private line(line: Line): void {
    this.listener.line(line);
  }
}
