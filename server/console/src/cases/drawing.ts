/**
 * A process as boxes and arrows, and the way a case took through them. Belongs here: what is drawn
 * and what of it is behind, at hand or ahead. Not here: where it stands on the paper (layout), how
 * it looks (ProcessMap).
 */
import type { BranchView, StepKind } from "../api/types_cases";
import type { Arrow, Box } from "./layout";
import { ems, lines } from "./words";

/** What of a step is drawn; a case's step knows more, a pack's step knows only this. */
export interface DrawnStep {
  id: string;
  kind: StepKind;
  zh: string;
  en: string;
  next: string | null;
  branches: readonly (Pick<BranchView, "answer" | "zh" | "en" | "next"> & { beyond?: readonly { times: number; next: string }[] })[];
  outcome: string | null;
  role_zh?: string | null;
  role_en?: string | null;
}

export interface WayVisit {
  step: string;
  answer: string | null;
}

export interface Node extends Box {
  step: string;
  lines: string[];
  role: string;
}

export interface Edge extends Arrow {
  words: string;
  answer: string | null;
  /** The step itself, where several small boxes stand for one end. */
  target: string;
}

export interface Graph {
  nodes: Node[];
  edges: Edge[];
}

const LINE_PX = 17;
const SIGN_PX = 12.5;
const LABEL_PX = 11.5;

export interface Speech {
  text(of: { zh: string; en: string }): string;
  role(step: DrawnStep): string;
  beyond(times: number): string;
}

/**
 * The graph of a process. An end that is not completion (refused, withdrawn …) is drawn beside each
 * step that leads there: one box with ten arrows across the whole drawing would say less.
 */
export function graphOf(steps: readonly DrawnStep[], speech: Speech): Graph {
  const known = new Map(steps.map((step) => [step.id, step]));
  const edges: Edge[] = [];
  const nodes: Node[] = steps.filter((step) => !isSmallEnd(step)).map((step) => nodeOf(step, step.id, speech));
  const lead = (from: DrawnStep, to: string, answer: string | null, words: string): void => {
    const target = known.get(to);
    if (target === undefined) return;
    const id = `${from.id}>${answer ?? ""}>${to}`;
    const end = isSmallEnd(target) ? `${to}@${id}` : to;
    if (end !== to) nodes.push(nodeOf(target, end, speech));
    edges.push({
      id,
      from: from.id,
      to: end,
      target: to,
      answer,
      words,
      ...(words === "" ? {} : { label: { width: Math.ceil(Math.max(...words.split("\n").map(ems)) * LABEL_PX) + 14, height: 3 + 15 * words.split("\n").length } }),
    });
  };
  for (const step of steps) {
    if (step.next !== null) lead(step, step.next, null, "");
    for (const branch of step.branches) {
      const said = lines(speech.text(branch), 11, 2).join("\n");
      lead(step, branch.next, branch.answer, said);
      for (const beyond of branch.beyond ?? []) if (beyond.next !== branch.next) lead(step, beyond.next, branch.answer, speech.beyond(beyond.times));
    }
  }
  return { nodes, edges };
}

function isSmallEnd(step: DrawnStep): boolean {
  return step.kind === "end" && step.outcome !== "completed";
}

function nodeOf(step: DrawnStep, id: string, speech: Speech): Node {
  const small = isSmallEnd(step);
  const made = lines(speech.text(step), small ? 8 : 10.5, 3);
  const role = small ? "" : lines(speech.role(step), 11, 1)[0] ?? "";
  const wide = Math.max(...made.map((line) => ems(line) * SIGN_PX), ems(role) * 11);
  const width = Math.max(small ? 54 : 96, Math.ceil(wide) + (step.kind === "decision" ? 46 : small ? 22 : 34));
  return { id, step: step.id, lines: made, role, width, height: made.length * LINE_PX + (role ? 15 : 0) + (small ? 8 : 14) };
}

export interface Way {
  /** Arrows taken, with how often. */
  taken: ReadonlyMap<string, number>;
  /** Boxes the case stood at; small ends only where it ended. */
  nodes: ReadonlySet<string>;
  at: string | null;
}

/** The way a case took: which arrows lie behind it. */
export function wayOf(graph: Graph, visits: readonly WayVisit[]): Way {
  const taken = new Map<string, number>();
  const nodes = new Set<string>();
  let at: string | null = null;
  visits.forEach((visit, index) => {
    const before = visits[index - 1];
    const edge = before === undefined ? undefined : edgeBetween(graph, before, visit.step);
    if (edge !== undefined) taken.set(edge.id, (taken.get(edge.id) ?? 0) + 1);
    at = edge?.to ?? graph.nodes.find((node) => node.id === visit.step)?.id ?? graph.nodes.find((node) => node.step === visit.step)?.id ?? null;
    if (at !== null) nodes.add(at);
  });
  return { taken, nodes, at };
}

function edgeBetween(graph: Graph, from: WayVisit, to: string): Edge | undefined {
  const leading = graph.edges.filter((edge) => edge.from === from.step && edge.target === to);
  return leading.find((edge) => edge.answer === from.answer) ?? leading.find((edge) => edge.answer === null) ?? leading[0];
}
