import { describe, expect, it } from "vitest";
import type { Change, Crew, Snapshot } from "../api/types";
import { emptyCopy, fromSnapshot, lay, layRead } from "./fold";

function crew(id: string, version: number, name = "一班"): Crew {
  return {
    id,
    version,
    code: `C${id}`,
    name,
    station_id: "s",
    vehicle: { plate: "", kind: "van" },
    out_of_service_reason: null,
    members: [],
    staff_count: 2,
    skills: [],
    kit: [],
    on_duty: true,
    shift: null,
    status: "available",
    assignment_id: null,
  };
}

function snapshot(seq: number, crews: Crew[]): Snapshot {
  return {
    seq,
    time: { now: "2026-11-21T00:00:00Z", speed: 1 },
    company: { id: "c", code: "cm", name_zh: "", name_en: "", time_zone: "Asia/Shanghai", policy_pack: "p" },
    incidents: [],
    calls: [],
    work_orders: [],
    assignments: [],
    clocks: [],
    crews,
    alarms: [],
    closures: [],
    stations: [],
    positions: [],
  };
}

function change(seq: number, body: Crew): Change {
  return { seq, kind: "crew", id: body.id, version: body.version, body };
}

describe("laying changes over a snapshot", () => {
  it("puts a newer version in place of the older one, whole", () => {
    const start = fromSnapshot(snapshot(10, [crew("a", 1, "旧名")]));
    const { copy, verdict, touched } = lay(start, { seq: 11, changes: [change(11, crew("a", 2, "新名"))] });
    expect(verdict).toBe("applied");
    expect(copy.seq).toBe(11);
    expect(copy.shelves.crew.get("a")?.name).toBe("新名");
    expect([...touched]).toEqual(["crew"]);
    expect(copy.shelves.incident).toBe(start.shelves.incident);
  });

  it("ignores a version that is older or the same", () => {
    const start = fromSnapshot(snapshot(10, [crew("a", 5, "今")]));
    const late = lay(start, { seq: 12, changes: [change(9, crew("a", 4, "昨")), change(10, crew("a", 5, "同"))] });
    expect(late.copy.shelves.crew.get("a")?.name).toBe("今");
    expect(late.touched.size).toBe(0);
  });

  it("takes the same version when a later seq brings it, and only then", () => {
    const start = fromSnapshot(snapshot(10, [crew("a", 5, "今")]));
    const { copy } = lay(start, { seq: 12, changes: [change(12, crew("a", 5, "所欠已还"))] });
    expect(copy.shelves.crew.get("a")?.name).toBe("所欠已还");
    const repeat = lay(copy, { seq: 12, changes: [change(11, crew("a", 5, "更早"))] });
    expect(repeat.copy.shelves.crew.get("a")?.name).toBe("所欠已还");
    expect(layRead(copy, "crew", [crew("a", 5, "慢答")]).touched.size).toBe(0);
  });

  it("reports a gap and changes nothing when the sender skipped past us", () => {
    const start = fromSnapshot(snapshot(10, [crew("a", 1)]));
    const gap = lay(start, { seq: 15, after: 12, changes: [change(15, crew("a", 9))] });
    expect(gap.verdict).toBe("gap");
    expect(gap.copy).toBe(start);
  });

  it("accepts an overlap, because repeating a change is harmless", () => {
    const start = fromSnapshot(snapshot(10, [crew("a", 3)]));
    const overlap = lay(start, { seq: 12, after: 8, changes: [change(9, crew("a", 2)), change(12, crew("a", 4, "四"))] });
    expect(overlap.verdict).toBe("applied");
    expect(overlap.copy.shelves.crew.get("a")?.name).toBe("四");
  });

  it("does not bring a gone thing back by a late older change", () => {
    const start = fromSnapshot(snapshot(1, [crew("a", 1)]));
    const gone = lay(start, { seq: 3, changes: [{ seq: 3, kind: "crew", id: "a", version: 3, body: null }] });
    expect(gone.copy.shelves.crew.has("a")).toBe(false);
    const late = lay(gone.copy, { seq: 3, changes: [change(2, crew("a", 2))] });
    expect(late.copy.shelves.crew.has("a")).toBe(false);
  });

  it("passes over a kind it does not know", () => {
    const odd = { seq: 2, kind: "weather" as never, id: "w", version: 1, body: { id: "w", version: 1 } };
    const laid = lay(emptyCopy(), { seq: 2, changes: [odd] });
    expect(laid.verdict).toBe("applied");
    expect(laid.copy.seq).toBe(2);
  });

  it("snapshot plus changes equals the later snapshot", () => {
    const early = fromSnapshot(snapshot(1, [crew("a", 1), crew("b", 1)]));
    const later = fromSnapshot(snapshot(4, [crew("a", 3), crew("c", 1)]));
    const walked = lay(early, {
      seq: 4,
      changes: [
        change(2, crew("a", 2)),
        { seq: 3, kind: "crew", id: "b", version: 2, body: null },
        change(4, crew("a", 3)),
        change(4, crew("c", 1)),
      ],
    });
    expect(new Map(walked.copy.shelves.crew)).toEqual(new Map(later.shelves.crew));
    expect(walked.copy.seq).toBe(later.seq);
  });

  it("lays a detail read by the same rule and leaves seq alone", () => {
    const start = fromSnapshot(snapshot(10, [crew("a", 5, "今")]));
    const read = layRead(start, "crew", [crew("a", 4, "昨"), crew("b", 1)]);
    expect(read.copy.seq).toBe(10);
    expect(read.copy.shelves.crew.get("a")?.name).toBe("今");
    expect(read.copy.shelves.crew.has("b")).toBe(true);
  });
});
