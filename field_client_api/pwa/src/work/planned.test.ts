import { describe, expect, it } from "vitest";
import type { Callout, RecordKind, RecordOf, Tightness, WorkRecord } from "../api/types";
import { appointment, blankRecord, blankTightness, CHECKLIST, demandsOf, faultsOf, mayLack, planned, REASONS, reasonsFor, recordKind, type Demands } from "./planned";
import { standing, stepsOf } from "./standing";

const HOME: Demands = { residential: true, signatories: ["customer", "contractor"], customer: "", phone: "" };
const SHOP: Demands = { ...HOME, residential: false };

const TIGHT: Tightness = { ...blankTightness("YL-3"), value: 5, duration_minutes: 15, passed: true };
const SMALL: Tightness = { ...blankTightness(), value: 2, passed: true };
const GREEN = Object.fromEntries(CHECKLIST.map((item) => [item, "green"])) as Record<string, "green" | "red" | "not_here">;

function calloutOf(kind: string, demands: Record<string, unknown> = {}, caseId: string | null = "c1"): Callout {
  return {
    id: "a1",
    version: 1,
    incident_brief: null,
    assignment: { state: "on_scene", acknowledged_at: null, departed_at: null, arrived_at: null, made_safe_at: null, completed_at: null, not_ready_at: null, cleared_at: null },
    work_order: { kind, demands, sheet_version: 1, case_id: caseId },
  } as unknown as Callout;
}

const GOOD: { [Kind in RecordKind]: RecordOf<Kind> } = {
  survey: {
    ...(blankRecord(calloutOf("survey"), "") as RecordOf<"survey">),
    pressure_kpa: 2.1,
    pressure_sufficient: true,
    tie_in: "t",
    obstacles: "none",
    load_list: [{ appliance: "cooker", count: 1, flow_m3h: null }],
    feasible: true,
  },
  construction: {
    ...(blankRecord(calloutOf("construction"), "") as RecordOf<"construction">),
    sheet_version: 1,
    work_finished: true,
    materials_cleared: true,
    site_cleared: true,
    self_check_passed: true,
    hidden_works: "none",
  },
  acceptance: {
    ...(blankRecord(calloutOf("acceptance"), "") as RecordOf<"acceptance">),
    passed: true,
    signatories: [
      { as: "customer", name: "Li", drawn: null },
      { as: "contractor", name: "Sun", drawn: null },
    ],
  },
  ignition: {
    ...(blankRecord(calloutOf("ignition"), "") as RecordOf<"ignition">),
    people: ["A", "B"],
    adult_present: true,
    checklist: GREEN,
    tightness: TIGHT,
    purged_outside: true,
    flame_ok: true,
    signature: "Li",
  },
  plugging: { ...(blankRecord(calloutOf("plugging"), "") as RecordOf<"plugging">), valve_closed: true, final_reading_m3: 1, cap_test: SMALL, seal_no: "Q1", signature: "Li" },
  dismantling: { ...(blankRecord(calloutOf("dismantling"), "") as RecordOf<"dismantling">), valve_closed: true, final_reading_m3: 1, cap_test: SMALL, seal_no: "Q1", signature: "Li" },
  meter_change: {
    ...(blankRecord(calloutOf("meter_change"), "") as RecordOf<"meter_change">),
    old_meter_no: "1",
    new_meter_no: "2",
    last_reading_m3: 9,
    test: SMALL,
    signature: "Li",
  },
  visit: { ...(blankRecord(calloutOf("visit"), "") as RecordOf<"visit">), words: "agreed" },
};
const KINDS = Object.keys(GOOD) as RecordKind[];

function ignition(part: Partial<RecordOf<"ignition">>): WorkRecord {
  return { ...GOOD.ignition, ...part };
}

describe("a record of planned work", () => {
  it.each(KINDS)("of a %s is complete when all is said, and an empty one lacks something", (kind) => {
    expect(faultsOf(GOOD[kind], HOME, 1)).toEqual({ red: [], missing: [] });
    const blank = faultsOf(blankRecord(calloutOf(kind), ""), HOME, 1);
    expect(blank.missing.length).toBeGreaterThan(0);
    expect(blank.red).toEqual([]);
  });

  it.each(CHECKLIST)("is red by %s alone, and asks for it when nobody answered", (item) => {
    expect(faultsOf(ignition({ checklist: { ...GREEN, [item]: "red" } }), HOME, 1).red).toEqual([item]);
    const { [item]: _left, ...others } = GREEN;
    expect(faultsOf(ignition({ checklist: others }), HOME, 1).missing).toEqual([item]);
  });

  it.each<[string, Partial<RecordOf<"ignition">>]>([
    ["adult_present", { adult_present: false }],
    ["purged_outside", { purged_outside: false }],
    ["flame", { flame_ok: false }],
    ["tightness_value", { tightness: { ...TIGHT, value: 4.9 } }],
    ["tightness_value", { tightness: { ...TIGHT, value: 49, unit: "mbar" } }],
    ["tightness_duration", { tightness: { ...TIGHT, duration_minutes: 14 } }],
    ["tightness_passed", { tightness: { ...TIGHT, drop: 0.1 } }],
    ["tightness_passed", { tightness: { ...TIGHT, passed: false } }],
  ])("is red by %s", (item, part) => {
    expect(faultsOf(ignition(part), HOME, 1).red).toEqual([item]);
  });

  it("takes the same pressure in any unit", () => {
    for (const [value, unit] of [[5000, "Pa"], [50, "mbar"], [0.005, "MPa"]] as const) {
      expect(faultsOf(ignition({ tightness: { ...TIGHT, value, unit } }), HOME, 1).red).toEqual([]);
    }
  });

  it("asks a shop for thirty minutes and for its alarm, a home for neither", () => {
    expect(faultsOf(ignition({}), SHOP, 1).red).toEqual(["tightness_duration"]);
    const absent = ignition({ checklist: { ...GREEN, alarm: "not_here", heater_flue: "not_here" } });
    expect(faultsOf(absent, HOME, 1).red).toEqual([]);
    expect(faultsOf(absent, SHOP, 1).red).toEqual(["alarm", "tightness_duration"]);
    expect(mayLack("ventilation", HOME)).toBe(false);
  });

  it("wants two names, and two different ones", () => {
    for (const people of [[], ["A"], ["A", " A "], ["A", ""]]) expect(faultsOf(ignition({ people }), HOME, 1).missing).toEqual(["two_people"]);
  });

  it("knows work by a superseded sheet", () => {
    expect(faultsOf(GOOD.construction, HOME, 2).red).toEqual(["sheet_version"]);
  });

  it("wants everybody's signature on a passed acceptance, and faults on a failed one", () => {
    const one = { ...GOOD.acceptance, signatories: [{ as: "customer", name: "Li", drawn: null }] };
    expect(faultsOf(one, HOME, 1).missing).toEqual(["contractor"]);
    expect(faultsOf({ ...one, passed: false }, HOME, 1).missing).toEqual(["faults"]);
    expect(faultsOf({ ...one, passed: false, faults: ["no sleeve"] }, HOME, 1)).toEqual({ red: [], missing: [] });
  });

  it("asks of a place without gas only why", () => {
    const none = { ...(blankRecord(calloutOf("survey"), "") as RecordOf<"survey">), feasible: false };
    expect(faultsOf(none, HOME, 1).missing).toEqual(["words"]);
    expect(faultsOf({ ...none, words: "no main" }, HOME, 1)).toEqual({ red: [], missing: [] });
  });

  it("knows two meters with one number", () => {
    expect(faultsOf({ ...GOOD.meter_change, new_meter_no: "1" }, HOME, 1).red).toEqual(["new_meter_no"]);
  });
});

describe("not ready", () => {
  it("has its reasons chosen by what was red, of those the kind offers", () => {
    expect(reasonsFor(["ventilation", "adult_present", "tightness_passed", "tightness_value"], "ignition")).toEqual(["ventilation_missing", "tightness_failed", "no_adult"]);
    expect(reasonsFor(["valve_closed"], "plugging")).toEqual(["customer_not_ready"]);
    expect(reasonsFor([], "ignition")).toEqual([]);
  });

  it("always lets a crew say it in its own words", () => {
    for (const kind of KINDS) expect(REASONS[kind]).toContain("other");
  });
});

describe("a planned callout", () => {
  it("belongs to a case; an incident's does not", () => {
    expect(planned(calloutOf("ignition"))).toBe(true);
    expect(planned(calloutOf("leak_response", {}, null))).toBe(false);
  });

  it("says what its case asks, and takes the stricter where it is silent", () => {
    expect(demandsOf(calloutOf("ignition", { residential: true, customer: "Li", signatories: ["customer", 3] }))).toEqual({
      residential: true,
      customer: "Li",
      phone: "",
      signatories: ["customer"],
    });
    expect(demandsOf(calloutOf("ignition"))).toEqual({ residential: false, customer: "", phone: "", signatories: [] });
    expect(appointment(calloutOf("visit", { appointment_at: "2026-11-23T01:00:00Z" }))).toBe("2026-11-23T01:00:00Z");
    expect(appointment(calloutOf("visit", { appointment_at: "soon" }))).toBeNull();
  });

  it("begins its record with what is known", () => {
    expect(blankRecord(calloutOf("acceptance", { signatories: ["customer"] }), "")).toMatchObject({ signatories: [{ as: "customer", name: "" }] });
    expect(blankRecord(calloutOf("ignition"), "Wang")).toMatchObject({ people: ["Wang"] });
    expect(recordKind("repair")).toBe("visit");
  });

  it("ends by a record or by reasons, also while only this phone knows", () => {
    const callout = calloutOf("ignition");
    const entry = (verb: "complete" | "not_ready") =>
      ({
        order: 1,
        fate: "kept",
        outcome: null,
        word: { verb, assignment_id: "a1", occurred_at: "2026-11-21T04:10:00Z" },
      }) as never;
    const refused = standing(callout, [entry("not_ready")]);
    expect(refused.steps.not_ready).toEqual({ at: "2026-11-21T04:10:00Z", kept: true });
    expect(stepsOf(callout, refused)[3]).toBe("not_ready");
    expect(stepsOf(callout, standing(callout, [entry("not_ready"), entry("complete")]))[3]).toBe("completed");
    expect(stepsOf(calloutOf("leak_response", {}, null), refused)[3]).toBe("made_safe");
  });
});
