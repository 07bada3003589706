import { describe, expect, it } from "vitest";
import { graphOf, wayOf, type DrawnStep, type Speech } from "./drawing";
import { layOut } from "./layout";

const speech: Speech = { text: (of) => of.zh, role: () => "", beyond: (times) => `≥${times}` };

function step(id: string, over: Partial<DrawnStep> = {}): DrawnStep {
  return { id, kind: "desk", zh: id, en: id, next: null, branches: [], outcome: null, ...over };
}
const branch = (answer: string, next: string, beyond: { times: number; next: string }[] = []) => ({ answer, zh: answer, en: answer, next, beyond });

const STEPS: DrawnStep[] = [
  step("take", { next: "judge" }),
  step("judge", { kind: "decision", branches: [branch("yes", "build"), branch("no", "refused")] }),
  step("build", { kind: "field", next: "accept" }),
  step("accept", { kind: "field", next: "done", branches: [branch("failed", "rework", [{ times: 3, next: "refused" }])] }),
  step("rework", { kind: "wait", next: "accept" }),
  step("done", { kind: "end", outcome: "completed" }),
  step("refused", { kind: "end", outcome: "refused" }),
];

describe("a process as a graph", () => {
  it("draws a refusal beside each step that leads there", () => {
    const graph = graphOf(STEPS, speech);
    expect(graph.nodes.filter((node) => node.step === "refused")).toHaveLength(2);
    expect(graph.nodes.filter((node) => node.step === "done")).toHaveLength(1);
    expect(graph.edges.find((edge) => edge.from === "accept" && edge.target === "refused")!.words).toBe("≥3");
    const drawing = layOut(graph.nodes, graph.edges, "take");
    expect(drawing.boxes).toHaveLength(graph.nodes.length);
    expect(drawing.arrows).toHaveLength(graph.edges.length);
  });

  it("knows the way a case took, and how often", () => {
    const graph = graphOf(STEPS, speech);
    const way = wayOf(graph, [
      { step: "take", answer: "done" },
      { step: "judge", answer: "yes" },
      { step: "build", answer: "done" },
      { step: "accept", answer: "failed" },
      { step: "rework", answer: "done" },
      { step: "accept", answer: null },
    ]);
    expect(way.at).toBe("accept");
    expect(way.taken.get("judge>yes>build")).toBe(1);
    expect(way.taken.get("accept>failed>rework")).toBe(1);
    expect(way.taken.has("judge>no>refused")).toBe(false);
    expect([...way.nodes].sort()).toEqual(["accept", "build", "judge", "rework", "take"]);
  });

  it("stands at the very refusal it came to", () => {
    const graph = graphOf(STEPS, speech);
    const way = wayOf(graph, [{ step: "take", answer: "done" }, { step: "judge", answer: "no" }, { step: "refused", answer: null }]);
    expect(way.at).toBe("refused@judge>no>refused");
    expect(way.nodes.size).toBe(3);
  });
});
