import { describe, expect, it } from "vitest";
import type { CaseAct, FieldView } from "../api/types_cases";
import type { CasePageView } from "../api/types_cases";
import { asked, PARTICULARS, type AskingContext } from "./askings";
import { actKey, bodyOf, may, needsWords, sideActs, stepActs, wantsWords } from "./acts";

function act(verb: CaseAct["verb"], over: Partial<CaseAct> = {}): CaseAct {
  return { verb, path: verb, zh: verb, en: verb, step: null, visit: null, answer: null, fields: [], signatories: [], reason_required: false, blocks: [], ...over };
}
function field(key: string, value: unknown = null): FieldView {
  return { key, type: "number", zh: key, en: key, required: false, choices: [], unit: null, at_least: null, at_most: null, must_be: null, value };
}
const nothing = { values: {}, words: "", signatures: [] };

describe("acts", () => {
  it("that carry the step on stand apart from the others", () => {
    const acts = [act("withdraw"), act("answer", { answer: "no" }), act("paper"), act("complete_step")];
    expect(stepActs(acts).map((one) => one.verb)).toEqual(["answer", "complete_step"]);
    expect(sideActs(acts).map((one) => one.verb)).toEqual(["withdraw"]);
    expect(may(acts, "paper")).toBe(true);
    expect(may(acts, "fee")).toBe(false);
  });

  it("name the visit they were drawn for, so that none acts on an old one", () => {
    const one = act("answer", { step: "judge", visit: 2, answer: "no", path: "steps" });
    expect(bodyOf(one, { ...nothing, values: { note: "x" }, words: " too far " })).toEqual({
      step: "judge", visit: 2, answer: "no", values: { note: "x" }, words: "too far",
    });
    expect(bodyOf(act("complete_step", { step: "s", visit: 1 }), { ...nothing, signatures: [{ as: "customer", name: "王" }] })).toEqual({
      step: "s", visit: 1, values: {}, signatures: [{ as: "customer", name: "王" }],
    });
    expect(actKey(one)).not.toBe(actKey({ ...one, visit: 3 }));
  });

  it("send only the particulars that change, and null for what is no longer known", () => {
    const one = act("change_particulars", { fields: [field("flow_m3h", 18), field("annual_m3", 900), field("install_fee_fen")] });
    expect(bodyOf(one, { ...nothing, values: { flow_m3h: 22 }, words: "measured" })).toEqual({
      particulars: { flow_m3h: 22, annual_m3: null }, reason: "measured",
    });
  });

  it("ask for words where the server would", () => {
    expect(needsWords(act("withdraw"))).toBe(true);
    expect(needsWords(act("answer", { reason_required: true }))).toBe(true);
    expect(needsWords(act("complete_step"))).toBe(false);
    expect(wantsWords(act("take_up"))).toBe(false);
    expect(bodyOf(act("set_date"), { ...nothing, values: { name: "appointment", at: "2026-11-22T01:00:00Z" } })).toEqual({
      name: "appointment", at: "2026-11-22T01:00:00Z",
    });
  });
});

describe("what the acts beside a step ask", () => {
  const said = (key: string) => ({ zh: key, en: key });
  const context = {
    page: { case: { manager_id: "m1" }, particulars: { flow_m3h: 18, residential: false }, clauses: [{ pauses: ["CUSTOMER_PAPERS"] }] } as unknown as CasePageView,
    causes: [{ code: "CUSTOMER_PAPERS", label: "papers", evidence: null }, { code: "TRAFFIC", label: "traffic", evidence: null }],
    managers: [{ id: "m1", name: "\u674e" }],
    words: said,
    particular: said,
  } satisfies AskingContext;

  it("offers only causes that some clause of the case knows", () => {
    const { act: one, labels } = asked(act("pause"), context);
    expect(one.fields.map((each) => each.key)).toEqual(["cause", "from_at", "evidence"]);
    expect(one.fields[0]!.choices).toEqual(["CUSTOMER_PAPERS"]);
    expect(labels["CUSTOMER_PAPERS"]).toBe("papers");
  });

  it("begins a correction with what is known", () => {
    const { act: one } = asked(act("change_particulars"), context);
    expect(one.fields.map((each) => each.key)).toEqual([...PARTICULARS]);
    expect(one.fields.find((each) => each.key === "flow_m3h")!.value).toBe(18);
    expect(bodyOf(one, { ...nothing, values: { flow_m3h: 18, residential: false, pre_laid: true }, words: "seen" })).toEqual({ particulars: { pre_laid: true }, reason: "seen" });
  });

  it("adds nothing to an act that has its own fields", () => {
    const step = act("complete_step", { fields: [field("a")] });
    expect(asked(step, context).act).toBe(step);
  });
});
