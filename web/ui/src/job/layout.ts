// SPDX-License-Identifier: Apache-2.0
// layout.ts - where the jobs of a graph stand: in layers from left to right, each behind all it waits for. Pure.
//
// Layers by the longest way; within a layer jobs go to the mean place of their neighbours, a few times from either
// side, which leaves few crossings; then each moves towards its neighbours as far as those beside it allow. Links are
// drawn as curves over what lies between: no places are kept for them, which is what makes thousands of jobs quick.

export interface Laid {
  x: Float64Array; // of the middle, in layers
  y: Float64Array; // of the middle, in rows
  layers: number;
  rows: number; // from the highest to the lowest
}

const SWEEPS = 4;
const PULLS = 6;

interface Links {
  before: number[][];
  after: number[][];
}

function links_of(n: number, edges: readonly (readonly [number, number])[]): Links {
  const before: number[][] = Array.from({ length: n }, () => []);
  const after: number[][] = Array.from({ length: n }, () => []);
  for (const [a, b] of edges) {
    if (a === b) continue;
    after[a]!.push(b);
    before[b]!.push(a);
  }
  return { before, after };
}

// The order in which each stands behind all it waits for; what hangs in a circle comes last.
export function order_of(n: number, edges: readonly (readonly [number, number])[]): number[] {
  const { before, after } = links_of(n, edges);
  const left = before.map((b) => b.length);
  const order = left.flatMap((k, i) => (k === 0 ? [i] : []));
  for (let i = 0; i < order.length; i++) {
    for (const b of after[order[i]!]!) if (--left[b]! === 0) order.push(b);
  }
  if (order.length < n) {
    const there = new Set(order);
    for (let i = 0; i < n; i++) if (!there.has(i)) order.push(i);
  }
  return order;
}

function layers_of(n: number, order: number[], { before, after }: Links): Int32Array {
  const layer = new Int32Array(n);
  const place = new Int32Array(n);
  order.forEach((v, i) => (place[v] = i));
  for (const v of order) for (const b of before[v]!) if (place[b]! < place[v]!) layer[v] = Math.max(layer[v]!, layer[b]! + 1);
  // What waits for nothing stands right before the first that waits for it.
  for (const v of order) {
    if (before[v]!.length || !after[v]!.length) continue;
    layer[v] = Math.max(0, Math.min(...after[v]!.slice(0, 1000).map((a) => layer[a]!)) - 1);
  }
  return layer;
}

// Put a layer in the order of the mean places of what each is linked to.
function sort_layer(of: number[], near: number[][], place: Float64Array, mean: Float64Array): void {
  of.forEach((v, i) => {
    const near_v = near[v]!;
    let sum = 0;
    for (const u of near_v) sum += place[u]!;
    mean[v] = near_v.length ? sum / near_v.length : (i + 0.5) / of.length;
  });
  of.sort((a, b) => mean[a]! - mean[b]! || a - b);
  of.forEach((v, i) => (place[v] = (i + 0.5) / of.length));
}

// Move each of a layer towards its neighbours; one row apart at least, in the order they have.
function pull(of: number[], near: number[][], y: Float64Array): void {
  let floor = -Infinity;
  let wanted = 0;
  let got = 0;
  for (const v of of) {
    let sum = 0;
    for (const u of near[v]!) sum += y[u]!;
    const want = near[v]!.length ? sum / near[v]!.length : y[v]!;
    wanted += want;
    const at = Math.max(want, floor + 1);
    y[v] = at;
    got += at;
    floor = at;
  }
  // Packing pushes downwards only: what that shifted goes back, all together.
  const back = (got - wanted) / of.length;
  for (const v of of) y[v]! -= back;
}

export function lay_out(n: number, edges: readonly (readonly [number, number])[]): Laid {
  const links = links_of(n, edges);
  const layer = layers_of(n, order_of(n, edges), links);
  const count = n ? Math.max(...layer) + 1 : 0;
  const layers: number[][] = Array.from({ length: count }, () => []);
  for (let v = 0; v < n; v++) layers[layer[v]!]!.push(v);

  const place = new Float64Array(n);
  const mean = new Float64Array(n);
  for (const of of layers) of.forEach((v, i) => (place[v] = (i + 0.5) / of.length));
  for (let s = 0; s < SWEEPS; s++) {
    for (let l = 1; l < count; l++) sort_layer(layers[l]!, links.before, place, mean);
    for (let l = count - 2; l >= 0; l--) sort_layer(layers[l]!, links.after, place, mean);
  }

  const y = new Float64Array(n);
  for (const of of layers) of.forEach((v, i) => (y[v] = i - (of.length - 1) / 2));
  for (let s = 0; s < PULLS; s++) {
    for (let l = 1; l < count; l++) pull(layers[l]!, links.before, y);
    for (let l = count - 2; l >= 0; l--) pull(layers[l]!, links.after, y);
  }
  let low = Infinity;
  let high = -Infinity;
  for (const at of y) {
    low = Math.min(low, at);
    high = Math.max(high, at);
  }
  return { x: Float64Array.from(layer), y: y.map((at) => at - low), layers: count, rows: n ? high - low + 1 : 0 };
}

// The chain that takes longest, from its first to its last.
export function longest_chain(n: number, edges: readonly (readonly [number, number])[], weight: (i: number) => number): { chain: number[]; weight: number } {
  const { before } = links_of(n, edges);
  const total = new Float64Array(n);
  const from = new Int32Array(n).fill(-1);
  const done = new Uint8Array(n);
  let last = -1;
  for (const v of order_of(n, edges)) {
    for (const b of before[v]!) {
      if (!done[b]) continue;
      if (from[v] === -1 || total[b]! > total[from[v]!]!) from[v] = b;
    }
    total[v] = weight(v) + (from[v]! >= 0 ? total[from[v]!]! : 0);
    done[v] = 1;
    if (last < 0 || total[v]! > total[last]!) last = v;
  }
  const chain: number[] = [];
  for (let v = last; v >= 0; v = from[v]!) chain.unshift(v);
  return { chain, weight: last >= 0 ? total[last]! : 0 };
}
