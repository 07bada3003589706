/**
 * Laying out a process as a drawing. Belongs here: where boxes, answers and arrows stand, as pure
 * arithmetic (Sugiyama's layers: undo the loops, give each box a layer, order each layer to cross
 * little, then straighten). Not here: colours, shapes, what has happened to a case.
 *
 * Our own rather than a library's: a process has some tens of steps, for which this takes a few
 * milliseconds and no download. (elkjs is under EPL or GPL; dagre, under MIT, would do as well.)
 */
export interface Box {
  id: string;
  width: number;
  height: number;
}

export interface Arrow {
  id: string;
  from: string;
  to: string;
  /** Room for the answer beside the arrow; none for an arrow that says nothing. */
  label?: { width: number; height: number };
}

export interface Placed {
  id: string;
  x: number;
  y: number;
  width: number;
  height: number;
}

export interface PlacedArrow {
  id: string;
  from: string;
  to: string;
  /** From the rim of the first box to the rim of the last. */
  points: { x: number; y: number }[];
  /** Centre of the answer. */
  label: { x: number; y: number } | null;
  /** It leads back to something already passed. */
  back: boolean;
}

export interface Drawing {
  width: number;
  height: number;
  boxes: Placed[];
  arrows: PlacedArrow[];
}

export interface Gaps {
  /** Between layers. */
  layer: number;
  /** Between neighbours of a layer. */
  beside: number;
  margin: number;
}

const GAPS: Gaps = { layer: 20, beside: 18, margin: 24 };
const SWEEPS = 12;

interface Cell {
  id: string;
  width: number;
  height: number;
  layer: number;
  order: number;
  x: number;
  y: number;
  /** How strongly it keeps what it leads to in line. */
  weight: number;
  above: Cell[];
  below: Cell[];
}

/** Place the boxes and arrows of a graph whose way begins at `start`, top to bottom. */
export function layOut(boxes: readonly Box[], arrows: readonly Arrow[], start: string, gaps: Gaps = GAPS): Drawing {
  const cells = new Map<string, Cell>(boxes.map((box) => [box.id, cell(box.id, box.width, box.height, 3)]));
  const drawn = arrows.filter((arrow) => cells.has(arrow.from) && cells.has(arrow.to) && arrow.from !== arrow.to);
  const back = backArrows([...cells.keys()], drawn, start);
  const down = drawn.map((arrow) => ({ arrow, isBack: back.has(arrow.id), ...ends(arrow, back.has(arrow.id)) }));
  giveLayers(cells, down.map(({ arrow, from, to }) => ({ from, to, length: arrow.label ? 2 : 1 })));
  const chains = new Map<string, { cells: Cell[]; label: Cell | null }>();
  const all = [...cells.values()];
  for (const { arrow, from, to, isBack } of down) {
    const chain = between(arrow, cells.get(from)!, cells.get(to)!, isBack);
    chains.set(arrow.id, chain);
    all.push(...chain.cells);
  }
  const layers = layersOf(all);
  orderLayers(layers);
  straighten(layers, gaps.beside);
  stackLayers(layers, gaps);
  const left = Math.min(...all.map((one) => one.x - one.width / 2));
  const shift = gaps.margin - left;
  for (const one of all) one.x += shift;
  const placedArrows = down.map(({ arrow, from, to, isBack }) => {
    const chain = chains.get(arrow.id)!;
    const points = route(cells.get(from)!, chain.cells, cells.get(to)!);
    if (isBack) points.reverse();
    return { id: arrow.id, from: arrow.from, to: arrow.to, points, label: chain.label && { x: chain.label.x, y: chain.label.y }, back: isBack };
  });
  return {
    width: Math.max(...all.map((one) => one.x + one.width / 2)) + gaps.margin,
    height: Math.max(...all.map((one) => one.y + one.height / 2)) + gaps.margin,
    boxes: [...cells.values()].map(({ id, x, y, width, height }) => ({ id, x, y, width, height })),
    arrows: placedArrows,
  };
}

function cell(id: string, width: number, height: number, weight: number): Cell {
  return { id, width, height, layer: 0, order: 0, x: 0, y: 0, weight, above: [], below: [] };
}

function ends(arrow: Arrow, isBack: boolean): { from: string; to: string } {
  return isBack ? { from: arrow.to, to: arrow.from } : { from: arrow.from, to: arrow.to };
}

/** Arrows that close a loop, found by walking from the start in the order the arrows are given. */
function backArrows(ids: readonly string[], arrows: readonly Arrow[], start: string): Set<string> {
  const leaving = new Map<string, Arrow[]>(ids.map((id) => [id, []]));
  for (const arrow of arrows) leaving.get(arrow.from)!.push(arrow);
  const state = new Map<string, "open" | "done">();
  const back = new Set<string>();
  const walk = (id: string): void => {
    state.set(id, "open");
    for (const arrow of leaving.get(id)!) {
      const met = state.get(arrow.to);
      if (met === "open") back.add(arrow.id);
      else if (met === undefined) walk(arrow.to);
    }
    state.set(id, "done");
  };
  for (const id of [start, ...ids]) if (leaving.has(id) && !state.has(id)) walk(id);
  return back;
}

/** Longest way from the start, then each box as near as it can be to what follows it. */
function giveLayers(cells: ReadonlyMap<string, Cell>, edges: readonly { from: string; to: string; length: number }[]): void {
  const order = topological([...cells.keys()], edges);
  for (const id of order) {
    const coming = edges.filter((edge) => edge.to === id);
    cells.get(id)!.layer = Math.max(0, ...coming.map((edge) => cells.get(edge.from)!.layer + edge.length));
  }
  for (const id of [...order].reverse()) {
    const leaving = edges.filter((edge) => edge.from === id);
    const coming = edges.filter((edge) => edge.to === id);
    if (leaving.length === 0 || coming.length > 0) continue;
    cells.get(id)!.layer = Math.min(...leaving.map((edge) => cells.get(edge.to)!.layer - edge.length));
  }
}

function topological(ids: readonly string[], edges: readonly { from: string; to: string }[]): string[] {
  const waiting = new Map(ids.map((id) => [id, edges.filter((edge) => edge.to === id).length]));
  const ready = ids.filter((id) => waiting.get(id) === 0);
  const order: string[] = [];
  for (let id = ready.shift(); id !== undefined; id = ready.shift()) {
    order.push(id);
    for (const edge of edges.filter((one) => one.from === id)) {
      const left = waiting.get(edge.to)! - 1;
      waiting.set(edge.to, left);
      if (left === 0) ready.push(edge.to);
    }
  }
  return order;
}

/** The places an arrow passes on its way through the layers; one of them holds its answer. */
function between(arrow: Arrow, from: Cell, to: Cell, isBack: boolean): { cells: Cell[]; label: Cell | null } {
  const passed: Cell[] = [];
  let label: Cell | null = null;
  let last = from;
  // The answer stands next to the box that gives it: below it, or above it on the way back.
  const labelAt = isBack ? to.layer - 1 : from.layer + 1;
  for (let layer = from.layer + 1; layer < to.layer; layer += 1) {
    const holds = arrow.label !== undefined && layer === labelAt;
    const one = cell(`${arrow.id}@${layer}`, holds ? arrow.label!.width : 6, holds ? arrow.label!.height : 2, 2);
    one.layer = layer;
    if (holds) label = one;
    join(last, one);
    passed.push(one);
    last = one;
  }
  join(last, to);
  return { cells: passed, label };
}

function join(above: Cell, below: Cell): void {
  above.below.push(below);
  below.above.push(above);
}

function layersOf(all: readonly Cell[]): Cell[][] {
  const layers: Cell[][] = [];
  for (const one of all) (layers[one.layer] ??= []).push(one);
  const filled = Array.from(layers, (layer) => layer ?? []);
  for (const layer of filled) layer.forEach((one, at) => (one.order = at));
  return filled;
}

/** How often arrows cross between neighbouring layers. */
export function crossings(layers: readonly (readonly { order: number; below: readonly { order: number }[] }[])[]): number {
  let count = 0;
  for (const layer of layers) {
    const pairs = layer.flatMap((one) => one.below.map((next) => [one.order, next.order] as const));
    for (let a = 0; a < pairs.length; a += 1) {
      for (let b = a + 1; b < pairs.length; b += 1) {
        if ((pairs[a]![0] - pairs[b]![0]) * (pairs[a]![1] - pairs[b]![1]) < 0) count += 1;
      }
    }
  }
  return count;
}

/** Sweep down and up by the middle of what each is joined to; keep the order that crosses least. */
function orderLayers(layers: Cell[][]): void {
  let best = layers.map((layer) => [...layer]);
  let least = crossings(layers);
  for (let sweep = 0; sweep < SWEEPS && least > 0; sweep += 1) {
    const downwards = sweep % 2 === 0;
    for (const layer of downwards ? layers : [...layers].reverse()) {
      const wish = new Map(layer.map((one) => [one, middle(downwards ? one.above : one.below, one.order)]));
      layer.sort((a, b) => wish.get(a)! - wish.get(b)! || a.order - b.order);
      layer.forEach((one, at) => (one.order = at));
    }
    const now = crossings(layers);
    if (now < least) {
      least = now;
      best = layers.map((layer) => [...layer]);
    }
  }
  best.forEach((layer, at) => {
    layers[at] = layer;
    layer.forEach((one, order) => (one.order = order));
  });
}

function middle(joined: readonly Cell[], otherwise: number): number {
  if (joined.length === 0) return otherwise;
  return joined.reduce((sum, one) => sum + one.order, 0) / joined.length;
}

/** Move each layer's cells towards what they are joined to, as far as their neighbours allow. */
function straighten(layers: readonly Cell[][], beside: number): void {
  for (const layer of layers) {
    let x = 0;
    for (const one of layer) {
      one.x = x + one.width / 2;
      x += one.width + beside;
    }
    const centre = (x - beside) / 2;
    for (const one of layer) one.x -= centre;
  }
  for (let sweep = 0; sweep < SWEEPS * 2; sweep += 1) {
    const downwards = sweep % 2 === 0;
    for (const layer of downwards ? layers : [...layers].reverse()) {
      settle(layer, layer.map((one) => wished(one, downwards ? one.above : one.below)), beside);
    }
  }
}

function wished(one: Cell, joined: readonly Cell[]): number {
  if (joined.length === 0) return one.x;
  const places = joined.map((next) => next.x).sort((a, b) => a - b);
  const mid = (places.length - 1) / 2;
  return (places[Math.floor(mid)]! + places[Math.ceil(mid)]!) / 2;
}

/**
 * The nearest places to the wishes that keep the order and the distances: least squares under an
 * ordering, solved exactly by pooling neighbours that would overlap.
 */
function settle(layer: readonly Cell[], wishes: readonly number[], beside: number): void {
  const offset: number[] = [];
  layer.forEach((one, at) => {
    const before = layer[at - 1];
    offset.push(before === undefined ? 0 : offset[at - 1]! + before.width / 2 + beside + one.width / 2);
  });
  const pools: { sum: number; weight: number; from: number; to: number }[] = [];
  layer.forEach((one, at) => {
    pools.push({ sum: (wishes[at]! - offset[at]!) * one.weight, weight: one.weight, from: at, to: at });
    for (let last = pools.length - 1; last > 0; last -= 1) {
      const [left, right] = [pools[last - 1]!, pools[last]!];
      if (left.sum / left.weight <= right.sum / right.weight) break;
      pools.splice(last - 1, 2, { sum: left.sum + right.sum, weight: left.weight + right.weight, from: left.from, to: right.to });
    }
  });
  for (const pool of pools) {
    for (let at = pool.from; at <= pool.to; at += 1) layer[at]!.x = pool.sum / pool.weight + offset[at]!;
  }
}

function stackLayers(layers: readonly Cell[][], gaps: Gaps): void {
  let y = gaps.margin;
  for (const layer of layers) {
    const height = Math.max(0, ...layer.map((one) => one.height));
    for (const one of layer) one.y = y + height / 2;
    y += height + gaps.layer;
  }
}

/** From the foot of the upper box through what it passes to the head of the lower one. */
function route(from: Cell, passed: readonly Cell[], to: Cell): { x: number; y: number }[] {
  const first = passed[0] ?? to;
  const last = passed.at(-1) ?? from;
  return [
    { x: port(from, from.below, first), y: from.y + from.height / 2 },
    ...passed.flatMap((one) => (one.height > 4 ? [{ x: one.x, y: one.y - one.height / 2 }, { x: one.x, y: one.y + one.height / 2 }] : [{ x: one.x, y: one.y }])),
    { x: port(to, to.above, last), y: to.y - to.height / 2 },
  ];
}

/** Arrows leave a box side by side, in the order of where they lead. */
function port(of: Cell, joined: readonly Cell[], leadsTo: Cell): number {
  if (joined.length < 2) return of.x;
  const ordered = [...joined].sort((a, b) => a.x - b.x);
  const step = Math.min(26, (of.width - 24) / (joined.length - 1));
  return of.x + (ordered.indexOf(leadsTo) - (joined.length - 1) / 2) * step;
}

/** An arrow's path: straight down where it can be, a soft bend where it must move aside. */
export function pathOf(points: readonly { x: number; y: number }[]): string {
  return points
    .map((point, at) => {
      const before = points[at - 1];
      if (before === undefined) return `M${round(point.x)} ${round(point.y)}`;
      if (Math.abs(before.x - point.x) < 0.5) return `L${round(point.x)} ${round(point.y)}`;
      const half = (before.y + point.y) / 2;
      return `C${round(before.x)} ${round(half)} ${round(point.x)} ${round(half)} ${round(point.x)} ${round(point.y)}`;
    })
    .join("");
}

const round = (value: number): number => Math.round(value * 10) / 10;
