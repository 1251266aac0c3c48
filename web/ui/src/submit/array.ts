// SPDX-License-Identifier: Apache-2.0
// array.ts - what a list of tasks means, "1,5,7-100:3%20", for people who write one. The server judges. Pure.

export interface ArrayMeans {
  count: number;
  first: number;
  last: number;
  sample: number[]; // the first few
  throttle: number | null;
}

const PARTS_MAX = 200; // of a list that is worth a preview
const SAMPLE = 8;

export function array_means(text: string): ArrayMeans | null {
  const m = /^([\d,:\s-]+?)(?:%(\d{1,8}))?$/.exec(text.trim());
  if (!m) return null;
  const parts: { from: number; to: number; step: number }[] = [];
  for (const part of m[1]!.split(",").slice(0, PARTS_MAX + 1)) {
    const p = /^\s*(\d{1,10})(?:-(\d{1,10})(?::(\d{1,8}))?)?\s*$/.exec(part);
    if (!p) return null;
    const from = Number(p[1]);
    const to = p[2] === undefined ? from : Number(p[2]);
    const step = p[3] === undefined ? 1 : Number(p[3]);
    if (to < from || step < 1) return null;
    parts.push({ from, to: from + Math.floor((to - from) / step) * step, step });
  }
  if (parts.length > PARTS_MAX) return null;
  parts.sort((a, b) => a.from - b.from);
  const apart = parts.every((p, i) => i === 0 || p.from > parts[i - 1]!.to);
  let count = parts.reduce((n, p) => n + (p.to - p.from) / p.step + 1, 0);
  let sample = parts.flatMap((p) => Array.from({ length: Math.min(SAMPLE, (p.to - p.from) / p.step + 1) }, (_, i) => p.from + i * p.step));
  if (!apart && count <= 100_000) {
    const all = new Set<number>();
    for (const p of parts) for (let t = p.from; t <= p.to; t += p.step) all.add(t);
    count = all.size;
    sample = [...all].sort((a, b) => a - b);
  }
  return { count, first: parts[0]!.from, last: Math.max(...parts.map((p) => p.to)), sample: sample.slice(0, SAMPLE), throttle: m[2] ? Number(m[2]) : null };
}
