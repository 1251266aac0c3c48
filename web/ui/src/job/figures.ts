// SPDX-License-Identifier: Apache-2.0
// figures.ts - what tasks used, as figures: quantiles, a histogram, a request that would have done. Pure.

export interface Figures {
  n: number;
  min: number;
  median: number;
  p95: number;
  max: number;
}

export function figures_of(values: number[]): Figures | null {
  if (values.length === 0) return null;
  const v = [...values].sort((a, b) => a - b);
  const at = (q: number) => v[Math.min(v.length - 1, Math.max(0, Math.ceil(q * v.length) - 1))]!;
  return { n: v.length, min: v[0]!, median: at(0.5), p95: at(0.95), max: v[v.length - 1]! };
}

export interface Bins {
  from: number;
  to: number;
  counts: number[];
}

export function bins_of(values: number[], bins: number, upto = 0): Bins {
  const from = 0;
  const to = Math.max(upto, ...values) || 1;
  const counts = new Array<number>(bins).fill(0);
  for (const v of values) counts[Math.min(bins - 1, Math.floor((v / to) * bins))]!++;
  return { from, to, counts };
}

const MIB = 1024 ** 2;

// Memory to ask for when the most that was used is known: a fifth more, in round numbers.
export function memory_ask(peak: number): number {
  const want = Math.max(peak * 1.2, 64 * MIB);
  const unit = want < 1024 * MIB ? 64 * MIB : want < 16 * 1024 * MIB ? 256 * MIB : 1024 * MIB;
  return Math.ceil(want / unit) * unit;
}

// A time limit, in seconds: half as much again as the longest, in round numbers.
export function time_ask(longest: number): number {
  const want = Math.max(longest * 1.5, 60);
  const unit = want < 600 ? 60 : want < 7200 ? 300 : 1800;
  return Math.ceil(want / unit) * unit;
}
