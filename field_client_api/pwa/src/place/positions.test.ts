import "fake-indexeddb/auto";
import { describe, expect, it } from "vitest";
import type { Fix } from "../api/types";
import { Refused, Unanswered, Unpaired } from "../api/http";
import { Kept } from "../kept/database";
import { BATCH, MOVING_EVERY_MS, Positions, STILL_EVERY_MS, type Reception } from "./positions";

const START = Date.parse("2026-11-21T04:00:00Z");
let numbers = 0;

async function scene() {
  const told = { sent: [] as Fix[][], unpaired: 0, receptions: [] as Reception[], unwatched: 0, trouble: null as Error | null };
  let taken: (fix: Fix) => void = () => undefined;
  const kept = await Kept.open(`positions-${++numbers}`);
  const positions = new Positions(
    kept,
    {
      watch: (next) => {
        taken = next;
        return () => (told.unwatched += 1);
      },
      send: async (_token, fixes) => {
        await Promise.resolve();
        if (told.trouble !== null) throw told.trouble;
        told.sent.push([...fixes]);
        return { accepted: fixes.length, off_duty: 0, newest_at: null };
      },
      now: () => START,
    },
    {
      fix: () => undefined,
      reception: (reception) => told.receptions.push(reception),
      unpaired: () => (told.unpaired += 1),
    },
  );
  const stand = async (afterMs: number, east = 0) => {
    taken({ lon: 105.95 + east, lat: 26.25, datum: "wgs84", mock: false, accuracy_m: 8, speed_kmh: null, heading_deg: null, at: new Date(START + afterMs).toISOString() });
    for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  };
  return { positions, kept, told, stand };
}

describe("positions", () => {
  it("are taken only while somebody on duty carries the phone", async () => {
    const { positions, told } = await scene();
    expect(told.receptions).toEqual([]);
    positions.carry("t");
    positions.carry(null);
    expect(told.receptions).toEqual(["searching", "off"]);
    expect(told.unwatched).toBe(1);
  });

  it("are kept seldom when still, often when moving", async () => {
    const { positions, kept, stand } = await scene();
    positions.carry("t");
    await stand(0);
    await stand(MOVING_EVERY_MS);
    expect(await kept.count("fixes")).toBe(1);
    await stand(MOVING_EVERY_MS, 0.001);
    expect(await kept.count("fixes")).toBe(2);
    await stand(MOVING_EVERY_MS + STILL_EVERY_MS, 0.001);
    expect(await kept.count("fixes")).toBe(3);
  });

  it("stay on the phone until the server has answered", async () => {
    const { positions, kept, told, stand } = await scene();
    positions.carry("t");
    await stand(0);
    told.trouble = new Unanswered(null);
    await positions.flush();
    expect(await kept.count("fixes")).toBe(1);
    told.trouble = null;
    await positions.flush();
    expect(await kept.count("fixes")).toBe(0);
    expect(told.sent).toHaveLength(1);
  });

  it("go in batches the server takes, oldest first", async () => {
    const { positions, kept, told } = await scene();
    positions.carry("t");
    for (let n = 0; n < BATCH + 3; n += 1) await kept.add("fixes", { fix: { lon: n } });
    await positions.flush();
    expect(told.sent.map((batch) => batch.length)).toEqual([BATCH, 3]);
    expect(told.sent.flat().map((fix) => fix.lon)).toEqual([...Array(BATCH + 3).keys()]);
  });

  it("do not stand in their own way when the server refuses a batch", async () => {
    const { positions, kept, told, stand } = await scene();
    positions.carry("t");
    await stand(0);
    told.trouble = new Refused(400, "invalid", "");
    await positions.flush();
    expect(await kept.count("fixes")).toBe(0);
    told.trouble = new Unpaired();
    await stand(STILL_EVERY_MS);
    await positions.flush();
    expect(told.unpaired).toBe(1);
    expect(await kept.count("fixes")).toBe(1);
  });
});
