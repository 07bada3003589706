/**
 * Planned work on the phone: what each kind's record asks for, what is red or missing in one, and
 * the reasons for which work is not ready. The server judges by the same rules (`rules_records`),
 * item by item in the same words; here they are asked before the word is said. Pure.
 */
import type { Callout, Check, NotReadyReason, RecordKind, RecordOf, Tightness, WorkRecord } from "../api/types";

/** Arranged with a customer, not rung out: it belongs to a case. */
export function planned(callout: Callout): boolean {
  return callout.work_order.case_id !== null;
}

/** When the crew is expected by the customer, if a time was agreed. */
export function appointment(callout: Callout): string | null {
  const at = callout.work_order.demands["appointment_at"];
  return typeof at === "string" && Number.isFinite(Date.parse(at)) ? at : null;
}

/** The turn-on checklist, in the order in which one walks through a home. */
export const CHECKLIST = [
  "identity",
  "place_allowed",
  "single_source",
  "ventilation",
  "pipes_sound",
  "valve_reachable",
  "appliance_legal",
  "heater_flue",
  "hose_sound",
  "alarm",
  "safety_talk",
] as const;

export interface Demands {
  residential: boolean;
  signatories: string[];
  customer: string;
  phone: string;
}

/** What the case asks of this order; unknown stands for the stricter. */
export function demandsOf(callout: Callout): Demands {
  const { residential, signatories, customer, phone } = callout.work_order.demands;
  return {
    residential: residential === true,
    signatories: Array.isArray(signatories) ? signatories.filter((one): one is string => typeof one === "string") : [],
    customer: typeof customer === "string" ? customer : "",
    phone: typeof phone === "string" ? phone : "",
  };
}

/** Items that may be answered "not here". */
export function mayLack(item: string, demands: Demands): boolean {
  return item === "heater_flue" || (item === "alarm" && demands.residential);
}

export const AT_LEAST_KPA = 5;
export const minutesNeeded = (demands: Demands): number => (demands.residential ? 15 : 30);

const KINDS: readonly RecordKind[] = ["survey", "construction", "acceptance", "ignition", "plugging", "dismantling", "meter_change", "visit"];

/** The record an order of this kind ends with. */
export function recordKind(orderKind: string): RecordKind {
  return KINDS.find((kind) => kind === orderKind) ?? "visit";
}

export function blankTightness(instrumentNo = ""): Tightness {
  return { value: null, unit: "kPa", drop: 0, duration_minutes: null, instrument_no: instrumentNo, calibration_due: null, passed: null };
}

const BLANK: { [Kind in RecordKind]: Required<RecordOf<Kind>> } = {
  survey: { kind: "survey", pressure_kpa: null, pressure_sufficient: null, tie_in: "", obstacles: "", load_list: [], feasible: null, words: "" },
  construction: {
    kind: "construction",
    sheet_version: null,
    work_finished: null,
    materials_cleared: null,
    site_cleared: null,
    self_check_passed: null,
    hidden_works: "",
    tightness: null,
    words: "",
  },
  acceptance: { kind: "acceptance", passed: null, faults: [], signatories: [], words: "" },
  ignition: {
    kind: "ignition",
    people: [],
    adult_present: null,
    checklist: {},
    tightness: null,
    purged_outside: null,
    flame_ok: null,
    appliance_pressure_kpa: null,
    meter_no: "",
    reading_m3: null,
    signature: "",
    signature_drawn: null,
    words: "",
  },
  plugging: { kind: "plugging", valve_closed: null, final_reading_m3: null, cap_test: null, seal_no: "", signature: "", signature_drawn: null, words: "" },
  dismantling: {
    kind: "dismantling",
    valve_closed: null,
    final_reading_m3: null,
    cap_test: null,
    seal_no: "",
    removed: "",
    signature: "",
    signature_drawn: null,
    words: "",
  },
  meter_change: {
    kind: "meter_change",
    old_meter_no: "",
    new_meter_no: "",
    last_reading_m3: null,
    first_reading_m3: null,
    test: null,
    signature: "",
    signature_drawn: null,
    words: "",
  },
  visit: { kind: "visit", words: "", conditions_met: null, signature: "", signature_drawn: null },
};

/** An empty record for this order, with what the phone knows already. */
export function blankRecord(callout: Callout, me: string): WorkRecord {
  const made = structuredClone(BLANK[recordKind(callout.work_order.kind)]);
  switch (made.kind) {
    case "ignition":
      return { ...made, people: [me], tightness: blankTightness() };
    case "plugging":
    case "dismantling":
      return { ...made, cap_test: blankTightness() };
    case "meter_change":
      return { ...made, test: blankTightness() };
    case "acceptance":
      return { ...made, signatories: demandsOf(callout).signatories.map((as) => ({ as, name: "", drawn: null })) };
    default:
      return made;
  }
}

// --- what is red, what is missing ---

export interface Faults {
  /** Said, and forbidding: the work may not be called complete. */
  red: string[];
  /** Not said yet. */
  missing: string[];
}

/** True: well. False: red. Null: not said. */
type Answers = [item: string, well: boolean | null | undefined][];

const told = (text: string | undefined): true | null => (text?.trim() ? true : null);
const figure = (value: number | null | undefined): true | null => (value === null || value === undefined ? null : true);
const PER_UNIT = { kPa: 1, Pa: 0.001, mbar: 0.1, MPa: 1000 } as const;

function tightness(test: Tightness | null | undefined, demands: Demands): Answers {
  const value = test?.value ?? null;
  const unit = test?.unit ?? null;
  const minutes = test?.duration_minutes ?? null;
  return [
    ["tightness_value", value === null || unit === null ? null : value * PER_UNIT[unit] >= AT_LEAST_KPA - 1e-9],
    ["tightness_duration", minutes === null ? null : minutes >= minutesNeeded(demands)],
    ["tightness_instrument", told(test?.instrument_no)],
    ["tightness_passed", test?.drop ? false : (test?.passed ?? null)],
  ];
}

function smallTest(name: string, test: Tightness | null | undefined): Answers {
  return [
    [`${name}_value`, test && test.value !== null && test.unit !== null ? true : null],
    [`${name}_passed`, test?.passed],
  ];
}

function checked(answer: Check | undefined, lack: boolean): boolean | null {
  return answer === undefined ? null : answer === "green" || (answer === "not_here" && lack);
}

function answers(record: WorkRecord, demands: Demands, sheetVersion: number): Answers {
  switch (record.kind) {
    case "ignition": {
      const people = new Set((record.people ?? []).map((name) => name.trim()).filter(Boolean));
      return [
        // One name so far is a gap to be filled, not yet a rule broken.
        ["two_people", people.size >= 2 ? true : null],
        ["adult_present", record.adult_present],
        ...CHECKLIST.map((item): Answers[number] => [item, checked(record.checklist?.[item], mayLack(item, demands))]),
        ...tightness(record.tightness as Tightness | null, demands),
        ["purged_outside", record.purged_outside],
        ["flame", record.flame_ok],
        ["signature", told(record.signature)],
      ];
    }
    case "survey":
      if (record.feasible === false) return [["words", told(record.words)]];
      return [
        ["pressure", figure(record.pressure_kpa) && figure(record.pressure_sufficient === null ? null : 1)],
        ["tie_in", told(record.tie_in)],
        ["obstacles", told(record.obstacles)],
        ["load_list", record.load_list?.length ? true : null],
        ["feasible", record.feasible],
      ];
    case "construction":
      return [
        ["sheet_version", record.sheet_version === null || record.sheet_version === undefined ? null : record.sheet_version === sheetVersion],
        ["work_finished", record.work_finished],
        ["materials_cleared", record.materials_cleared],
        ["site_cleared", record.site_cleared],
        ["self_check", record.self_check_passed],
        ["hidden_works", told(record.hidden_works)],
      ];
    case "acceptance": {
      const faults = (record.faults ?? []).filter((one) => one.trim());
      if (record.passed === null || record.passed === undefined) return [["passed", null]];
      if (!record.passed) return [["faults", faults.length ? true : null]];
      const signed = new Set((record.signatories ?? []).filter((one) => one.name.trim()).map((one) => one.as));
      return [["faults", faults.length === 0], ...demands.signatories.map((as): Answers[number] => [as, signed.has(as) ? true : null])];
    }
    case "plugging":
    case "dismantling":
      return [
        ["valve_closed", record.valve_closed],
        ["final_reading", figure(record.final_reading_m3)],
        ...smallTest("cap_test", record.cap_test as Tightness | null),
        ["seal_no", told(record.seal_no)],
        ["signature", told(record.signature)],
      ];
    case "meter_change":
      return [
        ["old_meter_no", told(record.old_meter_no)],
        ["new_meter_no", told(record.new_meter_no) && record.new_meter_no.trim() !== record.old_meter_no.trim()],
        ["last_reading", figure(record.last_reading_m3)],
        ...smallTest("test", record.test as Tightness | null),
        ["signature", told(record.signature)],
      ];
    case "visit":
      return [["words", told(record.words)]];
  }
}

export function faultsOf(record: WorkRecord, demands: Demands, sheetVersion: number): Faults {
  const all = answers(record, demands, sheetVersion);
  return {
    red: all.filter(([, well]) => well === false).map(([item]) => item),
    missing: all.filter(([, well]) => well === null || well === undefined).map(([item]) => item),
  };
}

// --- not ready ---

const COMMON: readonly NotReadyReason[] = ["customer_not_ready", "no_adult", "other"];
const AT_METER: readonly NotReadyReason[] = ["tightness_failed", "pipe_altered", "one_person_only", "materials", ...COMMON];
const EVERY: readonly NotReadyReason[] = [
  "appliance_illegal",
  "ventilation_missing",
  "second_gas_source",
  "bedroom",
  "alarm_missing",
  "pipe_altered",
  "tightness_failed",
  "no_adult",
  "one_person_only",
  "no_contract",
  "materials",
  "weather",
  "customer_not_ready",
  "permit_missing",
  "pressure_insufficient",
  "other",
];

export const REASONS: Record<RecordKind, readonly NotReadyReason[]> = {
  survey: ["pressure_insufficient", "permit_missing", "weather", ...COMMON],
  construction: ["materials", "weather", "permit_missing", "tightness_failed", "one_person_only", "customer_not_ready", "other"],
  acceptance: ["permit_missing", "weather", "customer_not_ready", "other"],
  ignition: EVERY,
  plugging: AT_METER,
  dismantling: AT_METER,
  meter_change: ["pressure_insufficient", ...AT_METER],
  visit: ["no_contract", ...COMMON],
};

const REASON_OF: Record<string, NotReadyReason> = {
  two_people: "one_person_only",
  adult_present: "no_adult",
  place_allowed: "bedroom",
  single_source: "second_gas_source",
  ventilation: "ventilation_missing",
  pipes_sound: "pipe_altered",
  appliance_legal: "appliance_illegal",
  heater_flue: "appliance_illegal",
  hose_sound: "appliance_illegal",
  alarm: "alarm_missing",
  tightness_value: "tightness_failed",
  tightness_duration: "tightness_failed",
  tightness_passed: "tightness_failed",
  cap_test_passed: "tightness_failed",
  test_passed: "tightness_failed",
  flame: "appliance_illegal",
};

/** The reasons that red items give, as the kind offers them; what has none is "customer not ready". */
export function reasonsFor(items: readonly string[], kind: RecordKind): NotReadyReason[] {
  const found = items.map((item) => REASON_OF[item] ?? "customer_not_ready");
  return REASONS[kind].filter((one) => found.includes(one));
}
