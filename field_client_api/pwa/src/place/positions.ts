/**
 * Where this phone is, told to the server while its crew is on duty and the page is open. Belongs
 * here: watching, keeping what could not be sent, sending in batches. Not here: what a place proves.
 */
import type { Fix, FixesKept } from "../api/types";
import { Refused, Unpaired } from "../api/http";
import type { Kept } from "../kept/database";
import { distanceM } from "./datum";

export const BATCH = 500;
/** Ten hours at one fix every fifteen seconds; beyond it the oldest are forgotten. */
export const KEPT_FIXES = 2500;
/** A crew that stands still is told this often, one that moves each few metres. */
export const STILL_EVERY_MS = 15_000;
export const MOVING_EVERY_MS = 3000;
export const MOVED_M = 10;

export type Reception = "off" | "searching" | "good" | "denied";

export interface Outside {
  watch(taken: (fix: Fix) => void, failed: (denied: boolean) => void): () => void;
  send(token: string, fixes: readonly Fix[], sentAt: string): Promise<FixesKept>;
  now(): number;
}

export interface Listener {
  fix(fix: Fix): void;
  reception(reception: Reception): void;
  unpaired(): void;
}

interface KeptFix {
  order: number;
  fix: Fix;
}

export class Positions {
  private unwatch: (() => void) | null = null;
  private token: string | null = null;
  private lastKept: Fix | null = null;
  private sending = false;

  constructor(
    private readonly kept: Kept,
    private readonly outside: Outside,
    private readonly listener: Listener,
  ) {}

  /** Watch while `token` is somebody's who is on duty; null stops it. */
  carry(token: string | null): void {
    this.token = token;
    if (token === null) {
      this.unwatch?.();
      this.unwatch = null;
      this.listener.reception("off");
    } else if (this.unwatch === null) {
      this.listener.reception("searching");
      this.unwatch = this.outside.watch(
        (fix) => void this.take(fix),
        (denied) => this.listener.reception(denied ? "denied" : "searching"),
      );
    }
  }

  private async take(fix: Fix): Promise<void> {
    this.listener.fix(fix);
    this.listener.reception("good");
    const before = this.lastKept;
    if (before !== null) {
      const apartMs = Date.parse(fix.at) - Date.parse(before.at);
      const moved = distanceM(before, fix) >= MOVED_M;
      if (apartMs < (moved ? MOVING_EVERY_MS : STILL_EVERY_MS)) return;
    }
    this.lastKept = fix;
    const order = await this.kept.add("fixes", { fix });
    if (order % 100 === 0) {
      const over = (await this.kept.count("fixes")) - KEPT_FIXES;
      if (over > 0) {
        const oldest = await this.kept.first<KeptFix>("fixes", over);
        await this.kept.removeUpTo("fixes", oldest.at(-1)!.order);
      }
    }
  }

  /** Send what is kept, oldest first. Called every few seconds; at most one sending at a time. */
  async flush(): Promise<void> {
    const token = this.token;
    if (token === null || this.sending) return;
    this.sending = true;
    try {
      for (;;) {
        const batch = await this.kept.first<KeptFix>("fixes", BATCH);
        if (batch.length === 0) return;
        const sentAt = new Date(this.outside.now()).toISOString();
        await this.outside.send(
          token,
          batch.map((one) => one.fix),
          sentAt,
        );
        await this.kept.removeUpTo("fixes", batch.at(-1)!.order);
        if (batch.length < BATCH) return;
      }
    } catch (failure) {
      if (failure instanceof Unpaired) this.listener.unpaired();
      else if (failure instanceof Refused && failure.status !== 429) {
        // A batch the server will never take must not stand before all later ones for ever.
        const batch = await this.kept.first<KeptFix>("fixes", BATCH);
        const last = batch.at(-1);
        if (last !== undefined) await this.kept.removeUpTo("fixes", last.order);
      }
      // Unanswered: the fixes stay and go with the next batch.
    } finally {
      this.sending = false;
    }
  }
}

/** The browser's receiver; its positions are WGS-84 by its own standard. */
export function browserWatch(taken: (fix: Fix) => void, failed: (denied: boolean) => void): () => void {
  if (!("geolocation" in navigator)) {
    failed(true);
    return () => undefined;
  }
  const watch = navigator.geolocation.watchPosition(
    ({ coords, timestamp }) =>
      taken({
        lon: coords.longitude,
        lat: coords.latitude,
        datum: "wgs84",
        mock: false,
        accuracy_m: coords.accuracy,
        speed_kmh: coords.speed === null ? null : coords.speed * 3.6,
        heading_deg: coords.heading === null || Number.isNaN(coords.heading) ? null : coords.heading,
        at: new Date(timestamp).toISOString(),
      }),
    (failure) => failed(failure.code === failure.PERMISSION_DENIED),
    { enableHighAccuracy: true, maximumAge: 5000, timeout: 30_000 },
  );
  return () => navigator.geolocation.clearWatch(watch);
}
