import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { distance, lines, names, speak, t, word } from ".";
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
  .filter((path) => !path.endsWith(".test.ts") && !/i18n.(zh|en)\.ts$/.test(path))
  .map((path) => ({ path: path.slice(SRC.length), text: readFileSync(path, "utf8") }));

describe("the two catalogues", () => {
  it("have the same keys", () => {
    expect([...english.keys()].sort()).toEqual([...chinese.keys()].sort());
  });

  it("leave the same gaps to fill, and no text empty", () => {
    const gaps = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1]).sort();
    for (const [key, text] of chinese) {
      expect(gaps(english.get(key) ?? ""), key).toEqual(gaps(text));
      expect(text && english.get(key), key).toBeTruthy();
    }
  });

  it("speak their own language", () => {
    for (const [key, text] of english) if (key !== "language.switch") expect(CJK.test(text), `${key}: ${text}`).toBe(false);
  });

  it("hold every text: no Chinese stands in the code", () => {
    const offenders = code.flatMap(({ path, text }) =>
      text.split("\n").flatMap((line, at) => (CJK.test(line) ? [`${path}:${at + 1} ${line.trim()}`] : [])),
    );
    expect(offenders).toEqual([]);
  });

  it("hold every text: no English stands in a template either", () => {
    const offenders = code
      .filter(({ path }) => path.endsWith(".vue"))
      .flatMap(({ path, text }) => {
        const template = /<template>([\s\S]*)<\/template>/.exec(text)?.[1] ?? "";
        const shown = template
          .replace(/<!--[\s\S]*?-->/g, "")
          .replace(/\{\{[\s\S]*?\}\}/g, "")
          .replace(/<(?:"[^"]*"|[^">])*>/g, "\n");
        const words = shown.split("\n").map((line) => line.trim()).filter((line) => /[A-Za-z]{2,}/.test(line));
        const labels = [...template.matchAll(/\s(?:aria-label|placeholder|title|label|alt)="([^"]+)"/g)].map((one) => one[1]!);
        return [...words, ...labels].map((line) => `${path} ${line}`);
      });
    expect(offenders).toEqual([]);
  });

  it("have every key the code asks for by name", () => {
    const asked = code.flatMap(({ path, text }) =>
      [...text.matchAll(/\bt\(\s*["']([\w.]+)["']/g)].map((match) => ({ path, key: match[1]! })),
    );
    expect(asked.length).toBeGreaterThan(80);
    expect(asked.filter(({ key }) => !chinese.has(key))).toEqual([]);
  });

  it("have no key nobody asks for", () => {
    const all = code.map(({ text }) => text).join("\n");
    const named = [...all.matchAll(/["'`](\w+(?:\.\w+)*)["'`]/g)].map((match) => match[1]!);
    const begun = [...all.matchAll(/[`"'](\w+(?:\.\w+)*)\.\$\{/g)].map((match) => match[1]!);
    // A group is asked for as a whole where it stands by its name, with a dot in it, or is handed on.
    const handed = [...all.matchAll(/\b(?:word|lines|names)\(\s*["']([\w.]+)["']|\bgroup="([\w.]+)"/g)].map((one) => one[1] ?? one[2]!);
    const prefixes = new Set([...named.filter((name) => name.includes(".")), ...begun, ...handed]);
    const unused = [...chinese.keys()].filter((key) => {
      if (all.includes(`"${key}"`) || all.includes(`'${key}'`)) return false;
      return ![...prefixes].some((prefix) => key.startsWith(`${prefix}.`));
    });
    expect(unused).toEqual([]);
  });
});

describe("texts", () => {
  it("are in the language spoken", () => {
    speak("en");
    expect(word("kit", "gas_detector")).toBe("Gas detector");
    expect(lines("safety.en_route")[0]).toContain("upwind");
    expect(distance(4230)).toBe("4.2 km");
    speak("zh");
    expect(t("ring.accept")).toBe("接单");
    expect(names("safe.method")).toContain("meter_valve");
    expect(distance(847)).toBe("850 米");
  });

  it("show a code they do not know rather than nothing", () => {
    expect(word("kit", "brand_new_tool")).toBe("brand new tool");
    expect(word("kit", "自备梯子")).toBe("自备梯子");
  });
});
