import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { BadYearFile, dayKind, missingYears, nextKind, readYearFile } from "./yearfile";

const shipped = readFileSync(join(import.meta.dirname, "../../../policy/calendars/cn-2026.toml"), "utf8");

function wrong(text: string): string {
  try {
    readYearFile(text);
  } catch (failure) {
    if (failure instanceof BadYearFile) return `${failure.code}@${failure.line}`;
    throw failure;
  }
  return "read";
}

describe("a calendar file", () => {
  it("is read as the command line reads it", () => {
    const { year, body } = readYearFile(shipped);
    expect(year).toBe(2026);
    expect(body.workdays).toContain("2026-02-14");
    expect(body.holidays!.length).toBeGreaterThan(5);
    expect(body.holidays![0]).toMatchObject({ first: "2026-01-01", last: "2026-01-03" });
    expect(body.source.length).toBeGreaterThan(5);
  });

  it("may spread a list over lines, with comments", () => {
    const { body } = readYearFile('year = 2027\nsource = "通知 #1"\nworkdays = [ # make-up\n  2027-02-06,\n  2027-02-20,\n]\ndays_off = [2027-01-01]\n');
    expect(body.workdays).toEqual(["2027-02-06", "2027-02-20"]);
    expect(body.source).toBe("通知 #1");
  });

  it("says what is wrong with it, and in which line", () => {
    expect(wrong('source = "x"\ndays_off = [2027-01-01]')).toBe("year@1");
    expect(wrong("year = 2027\ndays_off = [2027-01-01]")).toBe("source@1");
    expect(wrong('year = 2027\nsource = "x"\ndays_off = [2027-02-30]')).toBe("date@3");
    expect(wrong('year = 2027\nsource = "x"\nwhatever')).toBe("line@3");
    expect(wrong('year = 2027\nsource = "x"')).toBe("days@1");
  });
});

describe("a day", () => {
  it("is changed by pressing it", () => {
    expect(nextKind(nextKind("work", false), false)).toBe("work");
    expect(nextKind(nextKind(nextKind("weekend", true), true), true)).toBe("weekend");
    expect(dayKind("2027-01-01", false, new Set(["2027-01-01"]), new Set())).toBe("off");
    expect(dayKind("2027-01-02", true, new Set(), new Set(["2027-01-02"]))).toBe("makeup");
  });

  it("of a year nobody entered is missed before it comes", () => {
    expect(missingYears([{ year: 2026 }], "2026-11-21")).toEqual([2027]);
    expect(missingYears([{ year: 2026 }], "2026-03-01")).toEqual([]);
    expect(missingYears([], "2026-03-01")).toEqual([2026]);
  });
});
