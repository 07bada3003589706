import { describe, expect, it } from "vitest";
import type { PackClause, PackView, PolicyProcess } from "../api/policy";
import { classOf, clausesFor, hold } from "./preview";
import { particularsAsked } from "./pack";

const range = (over: object) => ({ above: null, at_least: null, at_most: null, below: null, ...over });
const clause = (id: string, over: object = {}) =>
  ({ id, subject: "case", start: "registered", applies: { classes: [], areas: [], processes: [], customers: [], when: {}, ...over } }) as unknown as PackClause;
const pack = {
  customer_classes: [
    { id: "resident", when: { residential: true } },
    { id: "small", when: { residential: false, flow_m3h: range({ at_most: 20 }) } },
    { id: "other", when: {} },
  ],
  clauses: [
    clause("T04", { processes: ["P04"], customers: ["small"] }),
    clause("T05", { processes: ["P04"], when: { external_line: true } }),
    clause("T09", { processes: ["P05"] }),
    { ...clause("T01"), start: "applied" },
    { ...clause("T34"), subject: "incident" },
  ],
  fees: [],
} as unknown as PackView;
const process = { id: "P04", start_fact: "applied", customers: [], steps: [{ branches: [{ when: { pre_laid: true } }], fees: [] }] } as unknown as PolicyProcess;

describe("conditions", () => {
  it("hold for what is known, and never for what is not", () => {
    expect(hold({ flow_m3h: range({ at_most: 20 }) } as never, { flow_m3h: 20 })).toBe(true);
    expect(hold({ flow_m3h: range({ below: 20 }) } as never, { flow_m3h: 20 })).toBe(false);
    expect(hold({ flow_m3h: range({ above: 20 }) } as never, { flow_m3h: 20 })).toBe(false);
    expect(hold({ flow_m3h: range({}) } as never, {})).toBe(false);
    expect(hold({ residential: false } as never, { residential: null })).toBe(false);
    expect(hold({}, {})).toBe(true);
  });
});

describe("the preview of a case", () => {
  it("takes the first class that fits", () => {
    expect(classOf(pack, { residential: false, flow_m3h: 18 })!.id).toBe("small");
    expect(classOf(pack, { residential: false })!.id).toBe("other");
  });

  it("shows the clauses of this process and class, those from the application on first", () => {
    const small = classOf(pack, { residential: false, flow_m3h: 18 });
    expect(clausesFor(pack, process, small, {}).map((one) => one.id)).toEqual(["T01", "T04"]);
    expect(clausesFor(pack, process, small, { external_line: true }).map((one) => one.id)).toEqual(["T01", "T04", "T05"]);
  });

  it("asks for the particulars that classes, clauses and branches depend on", () => {
    expect(particularsAsked(pack, process)).toEqual(["residential", "flow_m3h", "external_line", "pre_laid"]);
    expect(particularsAsked(pack, undefined)).toEqual([]);
  });
});
