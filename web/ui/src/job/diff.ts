// SPDX-License-Identifier: Apache-2.0
// diff.ts - what differs between two texts, line by line. Pure.

export interface DiffLine {
  kind: "same" | "old" | "new" | "skip";
  text: string;
  n?: number; // skip: how many lines
}

const CELLS_MAX = 4_000_000; // of the table; what is longer is told as all old, then all new

function middle(a: string[], b: string[]): DiffLine[] {
  const old = (text: string): DiffLine => ({ kind: "old", text });
  const fresh = (text: string): DiffLine => ({ kind: "new", text });
  if (a.length * b.length > CELLS_MAX) return [...a.map(old), ...b.map(fresh)];
  const wide = b.length + 1;
  // Length of the longest common run of lines from (i, j) on.
  const t = new Uint32Array((a.length + 1) * wide);
  for (let i = a.length - 1; i >= 0; i--)
    for (let j = b.length - 1; j >= 0; j--) t[i * wide + j] = a[i] === b[j] ? t[(i + 1) * wide + j + 1]! + 1 : Math.max(t[(i + 1) * wide + j]!, t[i * wide + j + 1]!);
  const out: DiffLine[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      out.push({ kind: "same", text: a[i]! });
      i++;
      j++;
    } else if (j >= b.length || (i < a.length && t[(i + 1) * wide + j]! >= t[i * wide + j + 1]!)) out.push(old(a[i++]!));
    else out.push(fresh(b[j++]!));
  }
  return out;
}

// Long runs of lines alike are told by their number, but for `around` lines beside each change.
function shorten(lines: DiffLine[], around: number): DiffLine[] {
  const near = lines.map((_, i) => lines.slice(Math.max(0, i - around), i + around + 1).some((l) => l.kind !== "same"));
  const out: DiffLine[] = [];
  lines.forEach((l, i) => {
    const last = out[out.length - 1];
    if (near[i]) out.push(l);
    else if (last?.kind === "skip") last.n!++;
    else out.push({ kind: "skip", text: "", n: 1 });
  });
  return out;
}

export function diff_lines(before: string, after: string, around = 3): DiffLine[] {
  const a = before.split("\n");
  const b = after.split("\n");
  let head = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) head++;
  let tail = 0;
  while (tail < a.length - head && tail < b.length - head && a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail++;
  const same = (text: string): DiffLine => ({ kind: "same", text });
  const all = [...a.slice(0, head).map(same), ...middle(a.slice(head, a.length - tail), b.slice(head, b.length - tail)), ...a.slice(a.length - tail).map(same)];
  return shorten(all, around);
}

export const differs = (d: DiffLine[]) => d.some((l) => l.kind === "old" || l.kind === "new");
