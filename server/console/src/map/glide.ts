/**
 * Crews that move smoothly between two position frames. Belongs here: pure interpolation.
 * Not here: MapLibre, timers, what a crew is doing.
 */

export interface Spot {
  lon: number;
  lat: number;
}

interface Leg {
  from: Spot;
  to: Spot;
  startedMs: number;
  lastsMs: number;
}

/** Frames come about once a second; a little more keeps the crew from halting between them. */
export const LEG_MS = 1200;
/** Beyond this a fix is a correction, not a movement: the crew is put there at once. */
const JUMP_DEG = 0.02;

export class Glide {
  private readonly legs = new Map<string, Leg>();

  /** Head for a new spot from wherever the crew is drawn now. */
  head(id: string, to: Spot, atMs: number, lastsMs = LEG_MS): void {
    const held = this.legs.get(id);
    if (held && held.to.lon === to.lon && held.to.lat === to.lat) return;
    const here = held ? spotOn(held, atMs) : to;
    const far = Math.abs(here.lon - to.lon) > JUMP_DEG || Math.abs(here.lat - to.lat) > JUMP_DEG;
    this.legs.set(id, { from: far ? to : here, to, startedMs: atMs, lastsMs });
  }

  drop(id: string): void {
    this.legs.delete(id);
  }

  at(id: string, atMs: number): Spot | null {
    const leg = this.legs.get(id);
    return leg ? spotOn(leg, atMs) : null;
  }

  /** Whether anything still moves; a still map need not be drawn again. */
  moving(atMs: number): boolean {
    for (const leg of this.legs.values()) {
      if (atMs < leg.startedMs + leg.lastsMs && (leg.from.lon !== leg.to.lon || leg.from.lat !== leg.to.lat)) return true;
    }
    return false;
  }
}

function spotOn(leg: Leg, atMs: number): Spot {
  const share = Math.min(1, Math.max(0, (atMs - leg.startedMs) / leg.lastsMs));
  return {
    lon: leg.from.lon + (leg.to.lon - leg.from.lon) * share,
    lat: leg.from.lat + (leg.to.lat - leg.from.lat) * share,
  };
}
