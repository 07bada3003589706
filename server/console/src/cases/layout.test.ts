import { describe, expect, it } from "vitest";
import { layOut, pathOf, type Arrow, type Box, type Drawing } from "./layout";
import { ems, lines } from "./words";

const box = (id: string, width = 100, height = 40): Box => ({ id, width, height });
const arrow = (from: string, to: string, label = 0): Arrow => ({
  id: `${from}>${to}`,
  from,
  to,
  ...(label ? { label: { width: label, height: 18 } } : {}),
});
const at = (drawing: Drawing, id: string) => drawing.boxes.find((one) => one.id === id)!;

function overlaps(drawing: Drawing): string[] {
  const found: string[] = [];
  for (const a of drawing.boxes) {
    for (const b of drawing.boxes) {
      if (a.id >= b.id) continue;
      const apart = Math.abs(a.x - b.x) >= (a.width + b.width) / 2 || Math.abs(a.y - b.y) >= (a.height + b.height) / 2;
      if (!apart) found.push(`${a.id}/${b.id}`);
    }
  }
  return found;
}

describe("a process drawn", () => {
  it("stands in one straight line when it is one", () => {
    const drawing = layOut([box("a"), box("b", 140), box("c")], [arrow("a", "b"), arrow("b", "c")], "a");
    expect(new Set(drawing.boxes.map((one) => Math.round(one.x))).size).toBe(1);
    expect(at(drawing, "a").y).toBeLessThan(at(drawing, "b").y);
    expect(drawing.arrows.every((one) => one.points.every((point) => Math.abs(point.x - at(drawing, "a").x) < 0.6))).toBe(true);
  });

  it("puts answers beside each other, with room for their words", () => {
    const drawing = layOut(
      [box("ask"), box("yes"), box("no"), box("later")],
      [arrow("ask", "yes", 60), arrow("ask", "no", 90), arrow("ask", "later", 70)],
      "ask",
    );
    expect(overlaps(drawing)).toEqual([]);
    const labels = drawing.arrows.map((one) => one.label!).sort((a, b) => a.x - b.x);
    expect(labels[1]!.x - labels[0]!.x).toBeGreaterThan(60);
    expect(labels.every((label) => label.y > at(drawing, "ask").y + 20 && label.y < at(drawing, "yes").y - 20)).toBe(true);
  });

  it("leads a loop back up, and knows that it does", () => {
    const drawing = layOut(
      [box("build"), box("accept"), box("rework"), box("done")],
      [arrow("build", "accept"), arrow("accept", "done", 40), arrow("accept", "rework", 40), arrow("rework", "accept")],
      "build",
    );
    const back = drawing.arrows.filter((one) => one.back);
    expect(back.map((one) => one.id)).toEqual(["rework>accept"]);
    expect(back[0]!.points[0]!.y).toBeGreaterThan(back[0]!.points.at(-1)!.y);
    expect(overlaps(drawing)).toEqual([]);
  });

  it("keeps everything inside its frame and apart, however tangled", () => {
    const ids = Array.from({ length: 24 }, (_, n) => `s${n}`);
    const arrows = ids.flatMap((id, n) => [
      ...(n + 1 < ids.length ? [arrow(id, ids[n + 1]!, n % 3 ? 0 : 50)] : []),
      ...(n % 4 === 1 ? [arrow(id, ids[(n * 7) % 24]!, 44)] : []),
    ]);
    const drawing = layOut(ids.map((id, n) => box(id, 80 + (n % 5) * 15)), arrows, "s0");
    expect(overlaps(drawing)).toEqual([]);
    for (const one of drawing.boxes) {
      expect(one.x - one.width / 2).toBeGreaterThanOrEqual(0);
      expect(one.x + one.width / 2).toBeLessThanOrEqual(drawing.width);
      expect(one.y + one.height / 2).toBeLessThanOrEqual(drawing.height);
    }
    for (const one of drawing.arrows) for (const point of one.points) expect(Number.isFinite(point.x + point.y)).toBe(true);
  });

  it("crosses no arrows where none need to cross", () => {
    const drawing = layOut(
      [box("a"), box("l"), box("r"), box("ll"), box("rr")],
      [arrow("a", "l"), arrow("a", "r"), arrow("r", "rr"), arrow("l", "ll")],
      "a",
    );
    expect(Math.sign(at(drawing, "l").x - at(drawing, "r").x)).toBe(Math.sign(at(drawing, "ll").x - at(drawing, "rr").x));
  });

  it("draws a straight way as a line and a bend as a curve", () => {
    expect(pathOf([{ x: 0, y: 0 }, { x: 0, y: 10 }])).toBe("M0 0L0 10");
    expect(pathOf([{ x: 0, y: 0 }, { x: 8, y: 10 }])).toBe("M0 0C0 5 8 5 8 10");
  });
});

describe("words in a box", () => {
  it("break anywhere in Chinese and between words in English", () => {
    expect(lines("客户经理上门勘察现场", 6, 2)).toEqual(["客户经理上门", "勘察现场"]);
    expect(lines("Survey the site and record", 9, 3)).toEqual(["Survey the site", "and record"]);
  });

  it("end with an ellipsis when they are too many", () => {
    const made = lines("客户经理上门勘察现场并填写记录", 5, 2);
    expect(made).toHaveLength(2);
    expect(made[1]!.endsWith("…")).toBe(true);
    expect(ems(made[1]!)).toBeLessThanOrEqual(5.1);
  });
});
