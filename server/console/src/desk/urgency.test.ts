import { describe, expect, it } from "vitest";
import type { Alarm, Assignment, Clock, Incident } from "../api/types";
import {
  countingClock,
  dialTarget,
  isMasked,
  previewClass,
  queueRows,
  shareUsed,
  shortNumber,
  stageOf,
  standingAlarms,
} from "./urgency";

function incident(id: string, over: Partial<Incident> = {}): Incident {
  return {
    id,
    version: 1,
    number: id,
    drill: false,
    class: "P1",
    state: "triaged",
    received_at: "2026-11-21T00:00:00Z",
    place: { text: "", lon: null, lat: null, setting: "unknown", confidence: "unknown", zone_code: null, zone_name: null, area: "urban", zone_warning: null },
    words: "",
    facts: {},
    calls_count: 1,
    unanswered_calls: 0,
    controlled_at: null,
    source_verified_at: null,
    closed_at: null,
    pending_downgrade: null,
    class_rule: "leak",
    close_cause: null,
    first_arrived_at: null,
    nobody_home_at: null,
    people_count: null,
    rechecked_at: null,
    repaired_at: null,
    reviewed_at: null,
    ...over,
  };
}

function assignment(incidentId: string, state: Assignment["state"]): Assignment {
  return {
    id: `${incidentId}-${state}`,
    version: 1,
    work_order_id: "w",
    incident_id: incidentId,
    crew_id: "c",
    state,
    offered_at: "2026-11-21T00:00:00Z",
    offer_expires_at: null,
    acknowledged_at: null,
    departed_at: null,
    arrived_at: null,
    cleared_at: null,
    ended_reason: null,
    offered_by: "",
    additional: false,
    ended_at: null,
    first_report_at: null,
    implied: [],
    eta_at: null,
    eta_kind: null,
    arrival: null,
    made_safe_at: null,
    completed_at: null,
    not_ready_at: null,
  };
}

function clock(subject: string, what: Clock["what"], due: string, over: Partial<Clock> = {}): Clock {
  return {
    id: `${subject}-${what}`,
    version: 1,
    subject_kind: "incident",
    subject_id: subject,
    what,
    clause: { id: "", zh: "", en: "", quote: "", source: "", own_promise: true, standing: "default" },
    started_at: "2026-11-21T00:00:00Z",
    due_at: `2026-11-21T${due}Z`,
    stopped_at: null,
    state: "running",
    warn_at: [],
    exemption: "none",
    arithmetic: { zh: "", en: "" },
    number: 1, paused: false, paused_seconds: 0, standing: false, provisional: false,
    ...over,
  };
}

describe("how far an incident is", () => {
  it("is unassigned again when the only crew declined, was recalled or did not answer", () => {
    for (const state of ["declined", "recalled", "expired", "cleared"] as const) {
      expect(stageOf(incident("a", { state: "dispatched" }), [assignment("a", state)])).toBe("unassigned");
    }
  });
  it("is going while offered, on scene once one crew is there", () => {
    expect(stageOf(incident("a"), [assignment("a", "offered")])).toBe("going");
    expect(stageOf(incident("a"), [assignment("a", "en_route"), assignment("a", "on_scene")])).toBe("on_scene");
  });
  it("is closing once controlled, whoever is still there", () => {
    expect(stageOf(incident("a", { state: "controlled" }), [assignment("a", "on_scene")])).toBe("closing");
  });
});

describe("the queue", () => {
  it("puts the undispatched first, then the class, then the promise that ends first", () => {
    const rows = queueRows(
      [
        incident("sent-p0", { class: "P0" }),
        incident("later", { class: "P1" }),
        incident("sooner", { class: "P1" }),
        incident("worst", { class: "P0" }),
        incident("closed", { class: "P0", state: "closed" }),
      ],
      [assignment("sent-p0", "en_route")],
      [clock("later", "arrived", "01:00:00"), clock("sooner", "arrived", "00:30:00"), clock("worst", "arrived", "02:00:00")],
    );
    expect(rows.map((row) => row.incident.id)).toEqual(["worst", "sooner", "later", "sent-p0", "closed"]);
  });
  it("counts arrival first, then making safe, and goes on counting a broken promise", () => {
    const late = clock("a", "arrived", "00:30:00", { state: "late" });
    const safe = clock("a", "made_safe", "00:10:00");
    expect(countingClock([safe, late])).toBe(late);
    expect(countingClock([safe, { ...late, stopped_at: "2026-11-21T00:40:00Z" }])).toBe(safe);
    expect(countingClock([{ ...late, state: "met", stopped_at: "2026-11-21T00:20:00Z" }])).toBeNull();
  });
});

describe("alarms", () => {
  it("stand until they end; the unacknowledged and the critical come first", () => {
    const alarm = (id: string, over: Partial<Alarm>): Alarm => ({
      id,
      version: 1,
      kind: "breach",
      severity: "warning",
      subject_kind: "incident",
      subject_id: "i",
      incident_id: "i",
      params: {},
      raised_at: "2026-11-21T00:00:00Z",
      acknowledged_at: null,
      acknowledged_by: null,
      ended_at: null,
      ...over,
    });
    const order = standingAlarms([
      alarm("ended", { ended_at: "2026-11-21T00:01:00Z", severity: "critical" }),
      alarm("seen", { severity: "critical", acknowledged_at: "2026-11-21T00:01:00Z" }),
      alarm("warning", {}),
      alarm("critical", { severity: "critical", raised_at: "2026-11-21T00:05:00Z" }),
    ]);
    expect(order.map((one) => one.id)).toEqual(["critical", "warning", "seen"]);
  });

  it("of business never stand before one of an emergency, however bad", () => {
    const alarm = (id: string, over: Partial<Alarm>): Alarm => ({
      id, version: 1, kind: "breach", severity: "warning", subject_kind: "incident", subject_id: "i", incident_id: "i", params: {},
      raised_at: "2026-11-21T00:00:00Z", acknowledged_at: null, acknowledged_by: null, ended_at: null, ...over,
    });
    const order = standingAlarms([
      alarm("case", { subject_kind: "case", incident_id: null, severity: "critical" }),
      alarm("leak", { raised_at: "2026-11-21T00:05:00Z" }),
      alarm("crew", { subject_kind: "crew", incident_id: null }),
    ]);
    expect(order.map((one) => one.id)).toEqual(["crew", "leak", "case"]);
  });
});

describe("the class preview", () => {
  it("follows the facts while the caller talks", () => {
    expect(previewClass("gas_emergency", { smell: true })).toBe("P1");
    expect(previewClass("gas_emergency", { smell: true, valve_shut: true })).toBe("P1");
    expect(previewClass("gas_emergency", { valve_shut: true, smell_gone: true })).toBe("P2");
    expect(previewClass("gas_emergency", { valve_shut: true, smell_gone: true, poisoned: true })).toBe("P0");
    expect(previewClass("other_repair", {})).toBe("P3");
    expect(previewClass("other_repair", { fire: true })).toBe("P0");
    expect(previewClass("business", {})).toBe("P4");
    expect(previewClass("business", { smell: true })).toBe("P1");
    expect(previewClass("gas_emergency", { valve_shut: true, smell_gone: true, hiss: true })).toBe("P1");
  });
});

describe("masked callers", () => {
  it("are never dialled from their mask", () => {
    expect(isMasked("138****1234")).toBe(true);
    expect(dialTarget("138****1234")).toBeNull();
    expect(dialTarget(null)).toBeNull();
    expect(dialTarget("138 0000 1234")).toBe("tel:13800001234");
  });
});

describe("the bar beside a candidate", () => {
  it("is full when the promise cannot be kept", () => {
    expect(shareUsed(600, 1200)).toBeCloseTo(1 / 3);
    expect(shareUsed(600, -60)).toBe(1);
    expect(shareUsed(600, null)).toBe(1);
    expect(shareUsed(600, -700)).toBe(1);
  });
});

describe("a number said aloud", () => {
  it("is its last part", () => {
    expect(shortNumber("20261122-0007")).toBe("0007");
    expect(shortNumber("17")).toBe("17");
  });
});
