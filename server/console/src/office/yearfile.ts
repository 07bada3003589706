/**
 * A year of the calendar as a file, the one `changming calendar import` takes: a small part of TOML.
 * Belongs here: reading it with the line of what is wrong, marking days, and telling what a day is.
 * Not here: whether the days are the right ones; the server looks for slips once more.
 */
import type { CalendarYear, NewCalendarYear } from "../api/policy";

export interface YearFile {
  year: number;
  body: NewCalendarYear;
}

/** What is wrong with a file, and where; the code is put into words by the page. */
export class BadYearFile extends Error {
  constructor(
    readonly code: "line" | "year" | "date" | "days" | "source",
    readonly line: number,
    readonly text: string,
  ) {
    super(`${code} (line ${line})`);
  }
}

const DATE = /^\d{4}-\d\d-\d\d$/;

function isDate(text: string): boolean {
  return DATE.test(text) && !Number.isNaN(Date.parse(`${text}T00:00:00Z`)) && new Date(`${text}T00:00:00Z`).toISOString().startsWith(text);
}

function unquoted(text: string): string {
  const found = /^"((?:[^"\\]|\\.)*)"$/.exec(text);
  return found ? (JSON.parse(`"${found[1]!}"`) as string) : text;
}

/** Read a file's text. Throws BadYearFile. */
export function readYearFile(text: string): YearFile {
  const top: Record<string, { value: string; line: number }> = {};
  const holidays: Record<string, { value: string; line: number }>[] = [];
  let into = top;
  const rows = text.split(/\r?\n/);
  for (let at = 0; at < rows.length; at += 1) {
    const line = at + 1;
    let row = withoutComment(rows[at]!).trim();
    if (row === "") continue;
    if (row === "[[holidays]]") {
      into = {};
      holidays.push(into);
      continue;
    }
    // A list may go on over several lines.
    while (row.includes("[") && !row.includes("]") && at + 1 < rows.length) row += ` ${withoutComment(rows[(at += 1)]!).trim()}`;
    const found = /^([a-z_]+)\s*=\s*(.+)$/.exec(row);
    if (found === null) throw new BadYearFile("line", line, row);
    into[found[1]!] = { value: found[2]!, line };
  }
  const year = Number(top["year"]?.value);
  if (!Number.isInteger(year) || year < 2000 || year > 2200) throw new BadYearFile("year", top["year"]?.line ?? 1, top["year"]?.value ?? "");
  const source = unquoted(top["source"]?.value ?? "").trim();
  if (source === "") throw new BadYearFile("source", top["source"]?.line ?? 1, "");
  const days = (name: string): string[] => {
    const given = top[name];
    if (given === undefined) return [];
    const listed = given.value.replace(/^\[|\]$/g, "").split(",").map((one) => unquoted(one.trim())).filter(Boolean);
    for (const one of listed) if (!isDate(one)) throw new BadYearFile("date", given.line, one);
    return listed;
  };
  const runs = holidays.map((one) => {
    const part = (name: string) => unquoted(one[name]?.value ?? "");
    for (const name of ["first", "last"]) if (!isDate(part(name))) throw new BadYearFile("date", one[name]?.line ?? 1, part(name));
    return { zh: part("zh"), en: part("en"), first: part("first"), last: part("last") };
  });
  const body = { days_off: days("days_off"), workdays: days("workdays"), source, holidays: runs };
  if (body.days_off.length === 0 && runs.length === 0) throw new BadYearFile("days", 1, "");
  return { year, body };
}

function withoutComment(row: string): string {
  let quoted = false;
  for (let at = 0; at < row.length; at += 1) {
    if (row[at] === '"' && row[at - 1] !== "\\") quoted = !quoted;
    if (row[at] === "#" && !quoted) return row.slice(0, at);
  }
  return row;
}

export type DayKind = "work" | "off" | "weekend" | "makeup";

/** What a day is in a year: worked, off by notice, an ordinary weekend, worked although a weekend. */
export function dayKind(date: string, weekend: boolean, off: ReadonlySet<string>, worked: ReadonlySet<string>): DayKind {
  if (off.has(date)) return "off";
  if (worked.has(date)) return "makeup";
  return weekend ? "weekend" : "work";
}

/** Another press changes what the day is: a weekday off and back; a weekend worked, off, and back. */
export function nextKind(kind: DayKind, weekend: boolean): DayKind {
  if (!weekend) return kind === "off" ? "work" : "off";
  return kind === "weekend" ? "makeup" : kind === "makeup" ? "off" : "weekend";
}

/** Years that clocks may reach and nobody has entered: this one, and from October on the next one. */
export function missingYears(known: readonly Pick<CalendarYear, "year">[], today: string): number[] {
  const year = Number(today.slice(0, 4));
  const wanted = Number(today.slice(5, 7)) >= 10 ? [year, year + 1] : [year];
  return wanted.filter((one) => !known.some((held) => held.year === one));
}
