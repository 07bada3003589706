/**
 * Keeping the phone's copy in step with the server: snapshot, then the socket, then again from the
 * snapshot whenever the line was lost (a crew's snapshot is small). Not here: what the copy means.
 */
import type { Change, Frame, ServerTime, Snapshot } from "../api/types";
import { Unpaired } from "../api/http";

export type LinkState = "connecting" | "live" | "lost";

export interface Wire {
  close(): void;
}

export interface Outside {
  snapshot(token: string): Promise<Snapshot>;
  /** Open the socket; the token is its first frame. `closed` is told the close code. */
  open(token: string, after: number, heard: (frame: Frame) => void, closed: (code: number) => void): Wire;
  later(run: () => void, ms: number): () => void;
  chance(): number;
}

export interface Listener {
  snapshot(snapshot: Snapshot): void;
  changes(changes: readonly Change[]): void;
  time(time: ServerTime): void;
  link(state: LinkState): void;
  unpaired(): void;
}

/** The heartbeat comes each second; mobile networks pause longer than an office's. */
export const SILENCE_MS = 8000;
/** The snapshot's own request gives up a little earlier than this. */
export const SNAPSHOT_MS = 25_000;
export const BACKOFF_MS = [500, 1000, 2000, 4000, 8000, 15_000] as const;
/** The server's close code for a token that proves nobody. */
export const SIGNED_OUT = 4401;

export class Link {
  private token: string | null = null;
  private wire: Wire | null = null;
  private tries = 0;
  private state: LinkState = "connecting";
  private cancelSilence: () => void = () => undefined;
  private cancelRetry: () => void = () => undefined;
  /** Grows with each connection, so that a late frame of an old socket is not believed. */
  private era = 0;

  constructor(
    private readonly outside: Outside,
    private readonly listener: Listener,
  ) {}

  start(token: string): void {
    this.stop();
    this.token = token;
    this.tries = 0;
    this.say("connecting");
    void this.connect();
  }

  stop(): void {
    this.token = null;
    this.leave();
    this.cancelRetry();
  }

  /** Try now instead of waiting (the network is back, the screen was woken). */
  hurry(): void {
    if (this.token === null || this.state === "live") return;
    this.tries = 0;
    this.leave();
    void this.connect();
  }

  private async connect(): Promise<void> {
    this.cancelRetry();
    const token = this.token;
    if (token === null) return;
    const era = ++this.era;
    this.listenFor(era, SNAPSHOT_MS);
    let snapshot: Snapshot;
    try {
      snapshot = await this.outside.snapshot(token);
    } catch (failure) {
      if (era !== this.era) return;
      if (failure instanceof Unpaired) this.proveNobody();
      else this.lost();
      return;
    }
    if (era !== this.era) return;
    this.listener.snapshot(snapshot);
    this.listenFor(era, SILENCE_MS);
    this.wire = this.outside.open(
      token,
      snapshot.seq,
      (frame) => {
        if (era === this.era) this.take(frame, era);
      },
      (code) => {
        if (era !== this.era) return;
        if (code === SIGNED_OUT) this.proveNobody();
        else this.lost();
      },
    );
  }

  private take(frame: Frame, era: number): void {
    this.listenFor(era, SILENCE_MS);
    if (frame.type === "resnapshot") {
      this.leave();
      void this.connect();
      return;
    }
    if (frame.type === "changes") this.listener.changes(frame.changes);
    if (frame.type === "time") this.listener.time(frame);
    this.tries = 0;
    this.say("live");
  }

  private listenFor(era: number, ms: number): void {
    this.cancelSilence();
    this.cancelSilence = this.outside.later(() => {
      if (era === this.era) this.lost();
    }, ms);
  }

  private lost(): void {
    this.leave();
    this.say("lost");
    const wait = BACKOFF_MS[Math.min(this.tries, BACKOFF_MS.length - 1)]!;
    this.tries += 1;
    this.cancelRetry();
    this.cancelRetry = this.outside.later(() => void this.connect(), wait * (0.75 + this.outside.chance() / 2));
  }

  private proveNobody(): void {
    this.stop();
    this.say("lost");
    this.listener.unpaired();
  }

  private leave(): void {
    this.era += 1;
    this.cancelSilence();
    this.wire?.close();
    this.wire = null;
  }

  private say(state: LinkState): void {
    this.state = state;
    this.listener.link(state);
  }
}

/** A browser's socket to the field API. */
export function browserSocket(
  token: string,
  after: number,
  heard: (frame: Frame) => void,
  closed: (code: number) => void,
): Wire {
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  const socket = new WebSocket(`${scheme}//${location.host}/v1/live?after=${after}`);
  socket.onopen = () => socket.send(JSON.stringify({ type: "token", token }));
  socket.onmessage = (message: MessageEvent<string>) => heard(JSON.parse(message.data) as Frame);
  socket.onclose = (ended) => closed(ended.code);
  return {
    close() {
      socket.onopen = null;
      socket.onmessage = null;
      socket.onclose = null;
      socket.close();
    },
  };
}
