import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { say, speak, word } from ".";
import { en } from "./en";
import { zh } from "./zh";

const SRC = join(import.meta.dirname, "..");
const CJK = /[\u3000-\u303f\u3400-\u9fff\uff00-\uffef]/;

function leaves(tree: object, at = ""): Map<string, string> {
  const found = new Map<string, string>();
  for (const [name, value] of Object.entries(tree)) {
    const path = at ? `${at}.${name}` : name;
    if (typeof value === "string") found.set(path, value);
    else for (const [deep, text] of leaves(value as object, path)) found.set(deep, text);
  }
  return found;
}

function sources(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    return statSync(path).isDirectory() ? sources(path) : /\.(vue|ts)$/.test(name) ? [path] : [];
  });
}

const chinese = leaves(zh);
const english = leaves(en);
const code = sources(SRC)
  .filter((path) => !path.endsWith(".test.ts") && !path.includes("i18n/zh") && !path.includes("i18n/en") && !path.includes("api/openapi"))
  .map((path) => ({ path, text: readFileSync(path, "utf8") }));

describe("the two catalogues", () => {
  it("have the same keys", () => {
    expect([...english.keys()].sort()).toEqual([...chinese.keys()].sort());
  });

  it("leave the same gaps to fill, and no text empty", () => {
    const gaps = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1]).sort();
    for (const [key, text] of chinese) {
      expect(gaps(english.get(key) ?? ""), key).toEqual(gaps(text));
      if (key !== "clock.exemption.none") expect(text && english.get(key), key).toBeTruthy();
    }
  });

  it("speak their own language", () => {
    for (const [key, text] of english) if (key !== "language.switch") expect(CJK.test(text), `${key}: ${text}`).toBe(false);
  });

  it("hold every text: no Chinese stands in the code", () => {
    const offenders = code.flatMap(({ path, text }) =>
      text.split("\n").flatMap((line, at) => (CJK.test(line) ? [`${path.slice(SRC.length)}:${at + 1} ${line.trim()}`] : [])),
    );
    expect(offenders).toEqual([]);
  });

  it("have every key the code asks for by name", () => {
    const asked = code.flatMap(({ path, text }) =>
      [...text.matchAll(/\bt\(\s*["']([\w.]+)["']/g)].map((match) => ({ path, key: match[1]! })),
    );
    expect(asked.length).toBeGreaterThan(150);
    expect(asked.filter(({ key }) => !chinese.has(key)).map(({ path, key }) => `${path.slice(SRC.length)} ${key}`)).toEqual([]);
  });

  it("have no key nobody asks for", () => {
    const all = code.map(({ text }) => text).join("\n");
    const groups = [...all.matchAll(/[`"'](\w+(?:\.\w+)*)\.\$\{/g)].map((match) => match[1]!);
    const named = [...all.matchAll(/\b(?:say|word|wordList)\(\s*"([\w.]+)"/g)].map((match) => match[1]!);
    const prefixes = new Set([...groups, ...named, "skill", "kit", "fieldVerb", "outcome", "assignment.verdict", "cause"]);
    const unused = [...chinese.keys()].filter((key) => {
      if (all.includes(`"${key}"`) || all.includes(`'${key}'`)) return false;
      return ![...prefixes].some((prefix) => key.startsWith(`${prefix}.`));
    });
    expect(unused).toEqual([]);
  });
});

/** Codes as the server's own source spells them; a new one without words fails here. */
function codesIn(file: string, pattern: RegExp): string[] {
  const text = readFileSync(join(SRC, "../..", file), "utf8");
  return [...new Set([...text.matchAll(pattern)].map((match) => match[1]!))];
}

describe("codes the server sends", () => {
  const has = (...keys: string[]) => keys.some((key) => chinese.has(key));

  it("of a ranking have words", () => {
    const codes = codesIn("dispatch/rules.py", /Remark\(\s*"(\w+)"/g);
    expect(codes.length).toBeGreaterThan(15);
    expect(codes.filter((code) => !has(`reason.${code}`, `shortfall.${code}`))).toEqual([]);
  });

  it("of alarms have words", () => {
    const codes = codesIn("dispatch/rules_alarms.py", /^ {4}[A-Z_]+ = "(\w+)" {2}#/gm).filter((code) => code !== "work_order");
    expect(codes.length).toBeGreaterThan(6);
    expect(codes.filter((code) => !has(`alarm.${code}`))).toEqual([]);
  });

  it("of the timeline have words", () => {
    // Rooms whose lines stand under an incident or a case; crews, zones and roads have no page of them.
    const rooms = ["incidents", "hotline", "work", "dispatch", "promises", "customers", "papers", "fees", "forms", "notices", "cases", "intake", "followup"];
    const files = rooms.flatMap((room) => readdirSync(join(SRC, "../..", room)).filter((name) => name.endsWith(".py")).map((name) => `${room}/${name}`));
    const noted = /_NOTED[^}]*\}/.exec(readFileSync(join(SRC, "../../work/actions_field.py"), "utf8"))![0];
    const codes = [
      ...files.flatMap((file) => codesIn(file, /note\(\s*tx,\s*(?:\w+,\s*)?"(\w+)"/g)),
      ...[...noted.matchAll(/: "(\w+)"/g)].map((match) => match[1]!),
    ];
    expect(codes.length).toBeGreaterThan(80);
    expect(codes.filter((code) => !has(`verb.${code}`))).toEqual([]);
  });

  it("of arrivals and readings have words", () => {
    const rules = readFileSync(join(SRC, "../../work/rules.py"), "utf8");
    const arrivals = [
      ...[.../_FLAG_OF_EVIDENCE[^}]*\}/.exec(rules)![0].matchAll(/: "(\w+)",/g)].map((match) => match[1]!),
      ...codesIn("work/rules.py", /flags\.add\("(\w+)"/g),
      ...codesIn("work/actions_arrival.py", /flags\.add\("(\w+)"/g),
    ];
    expect(arrivals.length).toBeGreaterThan(15);
    expect(arrivals.filter((code) => !has(`arrivalFlag.${code}`))).toEqual([]);
    const readings = codesIn("work/rules.py", /flags\.append\("(\w+)"/g);
    expect(readings.length).toBeGreaterThan(3);
    expect(readings.filter((code) => !has(`readingFlag.${code}`))).toEqual([]);
  });

  it("of states and kinds on the business pages have words", () => {
    /** The values of a StrEnum, as its class spells them. */
    const values = (file: string, name: string) => {
      const body = new RegExp(`class ${name}\\(StrEnum\\):([\\s\\S]*?)\\n\\n\\n`).exec(readFileSync(join(SRC, "../..", file), "utf8"))![1]!;
      return [...body.matchAll(/^ {4}[A-Z_0-9]+ = "(\w+)"/gm)].map((match) => match[1]!);
    };
    const lists: [string, string, string][] = [
      ["work/wire_records.py", "NotReadyReason", "notReady"],
      ["notices/wire.py", "OutageState", "outageState"],
      ["notices/wire.py", "OutageWork", "outageWork"],
      ["customers/wire.py", "CustomerState", "customerState"],
      ["customers/wire.py", "EntryKind", "entryKind"],
      ["reporting/wire.py", "Bucket", "reports.bucket"],
      ["reporting/wire.py", "By", "reports.by"],
      ["reporting/wire.py", "Part", "reports.members"],
      ["intake/wire.py", "LeadState", "leadState"],
    ];
    for (const [file, name, group] of lists) {
      const found = values(file, name);
      expect(found.length, name).toBeGreaterThan(1);
      expect(found.filter((code) => !has(`${group}.${code}`)), name).toEqual([]);
    }
    const why = codesIn("reporting/queries_ratios.py", /(?:THEN|ELSE) '(\w+)'/g).filter((code) => !["yes", "no", "undecided", "case", "customer"].includes(code));
    expect(why.length).toBeGreaterThan(6);
    expect(why.filter((code) => !has(`ratioWhy.${code}`))).toEqual([]);
  });

  it("of skills and kit in the demo town have words", () => {
    const text = readFileSync(join(SRC, "../../drill/town_papers.py"), "utf8");
    const lists = [...text.matchAll(/(?:full|_LEAK|kit|skills)\b[^=\n]*= \(([^)]*)\)/g)].map((match) => match[1]!).join(",");
    const words = [...new Set([...lists.matchAll(/"(\w+)"/g)].map((match) => match[1]!))];
    expect(words.length).toBeGreaterThan(6);
    expect(words.filter((one) => !has(`skill.${one}`, `kit.${one}`))).toEqual([]);
  });
});

describe("coded words", () => {
  beforeEach(() => speak("zh"));

  it("become sentences with translated parameters", () => {
    expect(say("shortfall", "missing_kit", { kit: "gas_detector" })).toBe("缺装备 检测仪");
    expect(say("verb", "promise_late", { what: "arrived", margin_seconds: -95 })).toBe("到场超时 01:35");
    speak("en");
    expect(say("shortfall", "missing_kit", { kit: "gas_detector" })).toBe("lacks gas detector");
    expect(say("shortfall", "declined_here", { seconds_ago: 130 })).toBe("declined 3 min ago");
  });

  it("write instants in the company's time, not the machine's", () => {
    expect(say("alarm", "breach", { what: "arrived", due_at: "2026-11-21T00:30:00Z" })).toBe("到场时限 08:30:00 已过");
  });

  it("show a code they do not know rather than nothing", () => {
    expect(word("reason", "brand_new_rule")).toBe("brand new rule");
    expect(word("declineReason", "路上堵车_严重")).toBe("路上堵车_严重");
    expect(say("alarm", "brand_new", { n: 3 })).toBe("brand new n=3");
    expect(say("verb", "crew_arrived", { crew: "A1" })).toBe("A1 到场，");
  });
});
