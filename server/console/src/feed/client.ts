/**
 * Keeping the desk's copy in step with the server. Belongs here: snapshot, socket, silence,
 * reconnecting with backoff, starting over after a gap. Not here: what the copy means, or any
 * drawing. Everything it needs from outside is given to it, so that tests run it without a
 * network and without waiting.
 */
import type { BesideChange, Frame, Kind, Kinds, Position, ServerTime, Snapshot } from "../api/types";
import { emptyCopy, fromSnapshot, KINDS, lay, layRead, type Copy } from "./fold";

export type LinkState = "connecting" | "live" | "lost";

export interface Link {
  state: LinkState;
  /** The server's time of the last frame heard, RFC 3339; none before the first. */
  heardAt: string | null;
  /** How many times reconnecting was tried since the link was lost. */
  tries: number;
}

export interface Wire {
  send?(text: string): void;
  close(): void;
}

export interface Outside {
  snapshot(): Promise<Snapshot>;
  open(after: number, heard: (frame: Frame) => void, closed: () => void): Wire;
  /** Run later; returns how to cancel. */
  later(run: () => void, ms: number): () => void;
  /** 0..1, so that a hundred desks do not come back in the same millisecond. */
  chance(): number;
}

export interface Listener {
  copy(copy: Copy, touched: ReadonlySet<Kind> | "all"): void;
  snapshot(snapshot: Snapshot): void;
  positions(positions: readonly Position[]): void;
  time(time: ServerTime): void;
  link(link: Link): void;
  /** Changes of things this copy keeps no shelf of (cases, projects …): a page that shows one hears of it. */
  beside?(changes: readonly BesideChange[]): void;
}

/** The heartbeat comes each second; after this much silence the screen must not look alive. */
export const SILENCE_MS = 3500;
/** A snapshot is larger than a heartbeat; a line that cannot bring it in this time is no line. */
export const SNAPSHOT_MS = 15_000;
const BACKOFF_MS = [500, 1000, 2000, 4000, 8000] as const;

export class FeedClient {
  private copy: Copy = emptyCopy();
  private wire: Wire | null = null;
  private link: Link = { state: "connecting", heardAt: null, tries: 0 };
  private cancelSilence: () => void = () => undefined;
  private cancelRetry: () => void = () => undefined;
  private stopped = true;
  /** The copy cannot be continued: only a new snapshot helps, however often that takes. */
  private snapshotNeeded = true;
  /** Grows with each connection, so that a late frame of an old socket is not believed. */
  private era = 0;

  constructor(
    private readonly outside: Outside,
    private readonly listener: Listener,
  ) {}

  start(): void {
    this.stopped = false;
    void this.beginWithSnapshot();
  }

  stop(): void {
    this.stopped = true;
    this.era += 1;
    this.cancelSilence();
    this.cancelRetry();
    this.wire?.close();
    this.wire = null;
  }

  /** Try now instead of waiting for the backoff (the machine woke up, the user asked). */
  hurry(): void {
    if (!this.stopped && this.link.state === "lost") this.reconnect();
  }

  /** Lay what was read outside the feed (an incident's detail) over the copy, newest wins. */
  lay<K extends Kind>(kind: K, things: readonly Kinds[K][]): void {
    if (this.copy.seq < 0) return;
    const laid = layRead(this.copy, kind, things);
    this.copy = laid.copy;
    if (laid.touched.size > 0) this.listener.copy(this.copy, laid.touched);
  }

  private async beginWithSnapshot(): Promise<void> {
    const era = ++this.era;
    this.snapshotNeeded = true;
    this.wire?.close();
    this.wire = null;
    this.awaitAnswer(era, SNAPSHOT_MS);
    let snapshot: Snapshot;
    try {
      snapshot = await this.outside.snapshot();
    } catch {
      // Whatever kept the snapshot away, the answer is the same: say so and try again.
      if (era === this.era) this.lost();
      return;
    }
    if (era !== this.era || this.stopped) return;
    this.snapshotNeeded = false;
    this.copy = fromSnapshot(snapshot);
    this.listener.snapshot(snapshot);
    this.listener.copy(this.copy, "all");
    this.heard(snapshot.time.now);
    this.listen();
  }

  /** Open the socket and ask for everything after what the copy already holds. */
  private listen(): void {
    const era = ++this.era;
    this.awaitAnswer(era, SILENCE_MS);
    this.wire = this.outside.open(
      this.copy.seq,
      (frame) => {
        if (era === this.era) this.take(frame, era);
      },
      () => {
        if (era === this.era) this.lost();
      },
    );
  }

  private take(frame: Frame, era: number): void {
    this.awaitAnswer(era, SILENCE_MS);
    switch (frame.type) {
      case "changes": {
        const laid = lay(this.copy, frame);
        if (laid.verdict === "gap") {
          void this.beginWithSnapshot();
          return;
        }
        this.copy = laid.copy;
        if (laid.touched.size > 0) this.listener.copy(this.copy, laid.touched);
        const beside: BesideChange[] = frame.changes.filter((change) => !KINDS.includes(change.kind));
        if (beside.length > 0) this.listener.beside?.(beside);
        break;
      }
      case "positions":
        this.listener.positions(frame.positions);
        break;
      case "time":
        this.listener.time(frame);
        // What lay between was not for this desk; coming back later need not ask for it again.
        if (frame.seq !== undefined) this.copy = { ...this.copy, seq: Math.max(this.copy.seq, frame.seq) };
        this.heard(frame.now);
        return;
      case "resnapshot":
        void this.beginWithSnapshot();
        return;
    }
    this.alive();
  }

  private awaitAnswer(era: number, ms: number): void {
    this.cancelSilence();
    this.cancelSilence = this.outside.later(() => {
      if (era === this.era) this.lost();
    }, ms);
  }

  private heard(at: string): void {
    this.say({ state: "live", heardAt: at, tries: 0 });
  }

  private alive(): void {
    if (this.link.state !== "live") this.say({ ...this.link, state: "live", tries: 0 });
  }

  private lost(): void {
    if (this.stopped) return;
    this.era += 1;
    this.cancelSilence();
    this.wire?.close();
    this.wire = null;
    const wait = BACKOFF_MS[Math.min(this.link.tries, BACKOFF_MS.length - 1)]!;
    this.say({ ...this.link, state: "lost", tries: this.link.tries + 1 });
    this.cancelRetry();
    this.cancelRetry = this.outside.later(() => this.reconnect(), wait * (0.75 + this.outside.chance() / 2));
  }

  private reconnect(): void {
    this.cancelRetry();
    if (this.snapshotNeeded) void this.beginWithSnapshot();
    else this.listen();
  }

  private say(link: Link): void {
    this.link = link;
    this.listener.link(link);
  }
}

/** The real outside: fetch, WebSocket, timers. */
export function browserOutside(snapshot: () => Promise<Snapshot>): Outside {
  return {
    snapshot,
    open(after, heard, closed) {
      const scheme = location.protocol === "https:" ? "wss:" : "ws:";
      const socket = new WebSocket(`${scheme}//${location.host}/api/live?after=${after}`);
      socket.onmessage = (message: MessageEvent<string>) => heard(JSON.parse(message.data) as Frame);
      socket.onclose = () => closed();
      socket.onerror = () => socket.close();
      return {
        close() {
          socket.onclose = null;
          socket.onmessage = null;
          socket.close();
        },
      };
    },
    later(run, ms) {
      const timer = window.setTimeout(run, ms);
      return () => window.clearTimeout(timer);
    },
    chance: () => Math.random(),
  };
}
