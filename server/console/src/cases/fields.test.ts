import { describe, expect, it } from "vitest";
import type { FieldView } from "../api/types_cases";
import { begin, fenOf, valuesOf, yuanOf } from "./fields";

const ZONE = "Asia/Shanghai";

function field(key: string, type: FieldView["type"], over: Partial<FieldView> = {}): FieldView {
  return { key, type, zh: key, en: key, required: true, choices: [], unit: null, at_least: null, at_most: null, must_be: null, value: null, ...over };
}

describe("what is written down for a step", () => {
  it("becomes the values the server takes", () => {
    const fields = [
      field("note", "text"),
      field("pressure", "number"),
      field("fee", "money"),
      field("visit_at", "instant"),
      field("signed_on", "date"),
      field("adult", "bool", { must_be: true }),
      field("crew", "names", { at_least: 2 }),
      field("extra", "text", { required: false }),
    ];
    const { values, wrong } = valuesOf(
      fields,
      { note: " ok ", pressure: "10.5", fee: "1,250.5", visit_at: "2026-11-23T09:00", signed_on: "2026-11-22", adult: true, crew: "张三、李四", extra: "" },
      ZONE,
    );
    expect(wrong).toEqual([]);
    expect(values).toEqual({
      note: "ok", pressure: 10.5, fee: 125_050, visit_at: "2026-11-23T01:00:00Z", signed_on: "2026-11-22", adult: true, crew: ["张三", "李四"],
    });
  });

  it("is held back while something is missing or cannot be", () => {
    const fields = [
      field("note", "text"),
      field("pressure", "number", { at_least: 10 }),
      field("minutes", "number", { at_most: 60 }),
      field("fee", "money"),
      field("adult", "bool", { must_be: true }),
      field("open", "bool"),
      field("crew", "names", { at_least: 2 }),
    ];
    const { wrong } = valuesOf(fields, { note: " ", pressure: "9", minutes: "61", fee: "12.345", adult: false, open: null, crew: "张三" }, ZONE);
    expect(wrong.map((one) => `${one.key}:${one.problem}`)).toEqual([
      "note:required", "pressure:too_small", "minutes:too_large", "fee:number", "adult:must_be", "open:required", "crew:too_small",
    ]);
  });

  it("begins with what is known", () => {
    expect(begin([field("flow", "number", { value: 18 }), field("fee", "money", { value: 30_005 }), field("residential", "bool", { value: false }), field("x", "text")], ZONE)).toEqual({
      flow: "18", fee: "300.05", residential: false, x: "",
    });
  });
});

describe("money", () => {
  it("is whole fen, never a fraction of one", () => {
    expect(fenOf("0.1")).toBe(10);
    expect(fenOf("1999999.99")).toBe(199_999_999);
    expect(fenOf("-3")).toBeNull();
    expect(fenOf("1e3")).toBeNull();
    for (const fen of [0, 5, 100, 12_345]) expect(fenOf(yuanOf(fen))).toBe(fen);
    expect(yuanOf(-2050)).toBe("-20.50");
  });
});
