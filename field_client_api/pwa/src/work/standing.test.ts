import { describe, expect, it } from "vitest";
import type { AssignmentState, Callout, Outcome, Saying } from "../api/types";
import type { Entry } from "../outbox/outbox";
import { fromSnapshot, KEPT_MS, takenAway, withChanges, withCallout, type HeldCallouts } from "./callouts";
import { inOrder, percentLel, standing } from "./standing";

function calloutOf(id: string, state: AssignmentState, more: { class?: string; version?: number; offered?: string } = {}): Callout {
  const version = more.version ?? 1;
  return {
    id,
    version,
    assignment: {
      id,
      version,
      work_order_id: `w-${id}`,
      incident_id: null,
      crew_id: "c1",
      state,
      offered_at: more.offered ?? "2026-11-21T04:00:00Z",
      offer_expires_at: null,
      acknowledged_at: null,
      departed_at: null,
      arrived_at: null,
      cleared_at: null,
      ended_at: null,
      ended_reason: null,
      offered_by: "desk",
      eta_at: null,
      eta_kind: null,
      arrival: null,
      first_report_at: null,
      made_safe_at: null,
      completed_at: null,
      not_ready_at: null,
      additional: false,
      implied: [],
    },
    work_order: {
      id: `w-${id}`,
      number: "W1",
      kind: "leak_response",
      state: "assigned",
      owner_number: "I1",
      priority_class: more.class ?? "P1",
      place: { text: "", lon: null, lat: null },
      words: "",
      required_skills: [],
      required_kit: [],
      min_staff: 2,
      demands: {},
      sheet_version: 1,
      superseded_by: null,
      case_id: null,
      incident_id: null,
      opened_at: "2026-11-21T04:00:00Z",
      ended_at: null,
      version: 1,
    },
    incident_brief: null,
  };
}

let orders = 0;
function entry(saying: Saying, given: { id?: string; fate?: Entry["fate"]; outcome?: Outcome; at?: string } = {}): Entry {
  const order = ++orders;
  return {
    order,
    word: { ...saying, key: `k${order}`, assignment_id: given.id ?? "a1", occurred_at: given.at ?? "2026-11-21T04:10:00Z" },
    fate: given.fate ?? "kept",
    personId: "p1",
    keptAt: "2026-11-21T04:10:00Z",
    tries: 0,
    answeredAt: null,
    outcome: given.outcome ?? null,
    code: null,
    title: null,
    read: false,
  };
}

describe("where an assignment stands", () => {
  const callout = calloutOf("a1", "offered");

  it("moves on by what the crew said without a signal, and says that only this phone knows", () => {
    const seen = standing(callout, [entry({ verb: "acknowledge" }, { at: "2026-11-21T04:01:00Z" }), entry({ verb: "arrive" })]);
    expect(seen).toMatchObject({ state: "on_scene", ahead: true, live: true });
    expect(seen.steps.arrived).toEqual({ at: "2026-11-21T04:10:00Z", kept: true });
    expect(seen.steps.acknowledged).toEqual({ at: "2026-11-21T04:01:00Z", kept: true });
  });

  it("takes a reading as proof of having arrived, as the server does", () => {
    const reading: Saying = { verb: "reading", value: 1, unit: "%LEL", place: "", instrument_no: "1", calibration_due: null };
    expect(standing(callout, [entry(reading)]).state).toBe("on_scene");
  });

  it("does not count refused and rejected words, nor another assignment's", () => {
    const said = [
      entry({ verb: "arrive" }, { fate: "answered", outcome: "refused" }),
      entry({ verb: "arrive" }, { fate: "rejected" }),
      entry({ verb: "arrive" }, { id: "a2" }),
    ];
    expect(standing(callout, said)).toEqual({ state: "offered", live: true, ahead: false, steps: {} });
  });

  it("believes the server when it ended the assignment", () => {
    expect(standing(calloutOf("a1", "recalled"), [entry({ verb: "arrive" })])).toMatchObject({ state: "recalled", live: false });
  });

  it("lets a crew decline before it has arrived, not after", () => {
    const decline: Saying = { verb: "decline", reason: "too_far", words: null };
    expect(standing(callout, [entry(decline)]).state).toBe("declined");
    expect(standing(calloutOf("a1", "on_scene"), [entry(decline)]).state).toBe("on_scene");
  });

  it("never moves back", () => {
    expect(standing(calloutOf("a1", "on_scene"), [entry({ verb: "acknowledge" })])).toMatchObject({ state: "on_scene", ahead: false });
  });

  it("sorts the live before the ended, the urgent before the old", () => {
    const callouts = [
      calloutOf("ended", "cleared", { class: "P0" }),
      calloutOf("later", "acknowledged", { offered: "2026-11-21T04:30:00Z" }),
      calloutOf("earlier", "acknowledged"),
      calloutOf("fire", "offered", { class: "P0", offered: "2026-11-21T05:00:00Z" }),
    ];
    expect(inOrder(callouts, []).map((one) => one.id)).toEqual(["fire", "earlier", "later", "ended"]);
  });

  it("reckons readings as the server does", () => {
    expect([percentLel(3, "%LEL"), percentLel(1, "%vol"), percentLel(500, "ppm")]).toEqual([3, 20, 1]);
  });
});

describe("the phone's copy of its callouts", () => {
  const none: HeldCallouts = new Map();
  const snapshot = (...callouts: Callout[]) => ({
    seq: 1,
    time: { now: "2026-11-21T04:00:00Z", speed: 1 },
    me: { person: { id: "p1", name: "n" }, crew: null },
    callouts,
  });

  it("keeps the newer version, whichever way it came", () => {
    const held = fromSnapshot(none, snapshot(calloutOf("a1", "offered", { version: 3 })), 0);
    const old = { seq: 2, kind: "assignment_for_crew", id: "a1", version: 2, body: calloutOf("a1", "offered", { version: 2 }) };
    expect(withChanges(held, [old], 0).get("a1")!.callout.version).toBe(3);
    expect(withCallout(held, calloutOf("a1", "on_scene", { version: 4 }), 0).get("a1")!.callout.assignment.state).toBe("on_scene");
    expect(fromSnapshot(withCallout(held, calloutOf("a1", "on_scene", { version: 4 }), 0), snapshot(calloutOf("a1", "offered")), 0).get("a1")!.callout.version).toBe(4);
  });

  it("marks a callout the server no longer counts, and forgets it after half a day", () => {
    const held = fromSnapshot(none, snapshot(calloutOf("a1", "offered")), 0);
    const gone = fromSnapshot(held, snapshot(), 1000);
    expect(gone.get("a1")!.gone).toBe(true);
    expect(fromSnapshot(gone, snapshot(), KEPT_MS + 1).has("a1")).toBe(false);
  });

  it("tells what the desk took from the crew, and only that", () => {
    const held = fromSnapshot(none, snapshot(calloutOf("a1", "en_route"), calloutOf("a2", "on_scene"), calloutOf("a3", "offered")), 0);
    const change = (callout: Callout) => ({ seq: 2, kind: "assignment_for_crew", id: callout.id, version: 2, body: callout });
    const next = withChanges(held, [change(calloutOf("a1", "recalled", { version: 2 })), change(calloutOf("a2", "cleared", { version: 2 }))], 0);
    expect(takenAway(held, next).map((callout) => callout.id)).toEqual(["a1"]);
    expect(takenAway(next, next)).toEqual([]);
    // What ended while there was no line is missing from the next snapshot.
    expect(takenAway(held, fromSnapshot(held, snapshot(calloutOf("a1", "en_route")), 0)).map((callout) => callout.id)).toEqual(["a2", "a3"]);
  });

  it("ignores changes of other kinds", () => {
    expect(withChanges(none, [{ seq: 1, kind: "crew", id: "x", version: 1, body: calloutOf("x", "offered") }], 0).size).toBe(0);
  });
});
