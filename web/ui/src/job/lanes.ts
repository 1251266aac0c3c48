// SPDX-License-Identifier: Apache-2.0
// lanes.ts - attempts of a job as bars in rows, and the spans when nothing was under way. Pure.

import type { Bar } from "./types";

export interface Placed {
  bar: Bar;
  row: number;
  from: number; // milliseconds
  start: number; // when it ran; the end when it never did
  to: number;
}

export interface Rows {
  bars: Placed[];
  rows: number;
  heads: { row: number; word: string; rows: number }[]; // of each site its first row
}

const times = (b: Bar, now: number): [number, number, number] => {
  const from = Date.parse(b.placed_at);
  const to = Math.max(from, b.ended_at ? Date.parse(b.ended_at) : now);
  const start = b.started_at ? Math.min(to, Math.max(from, Date.parse(b.started_at))) : to;
  return [from, start, to];
};

// A row for each task.
export function rows_by_task(bars: Bar[], now: number): Rows {
  const rows = new Map<number, number>();
  const placed = bars.map((bar) => {
    let row = rows.get(bar.task);
    if (row === undefined) rows.set(bar.task, (row = rows.size));
    const [from, start, to] = times(bar, now);
    return { bar, row, from, start, to };
  });
  return { bars: placed, rows: rows.size, heads: [] };
}

// As few rows for each site as its attempts need: each goes to the first row that is free by then.
export function rows_by_site(bars: Bar[], now: number): Rows {
  const sites = new Map<string, Bar[]>();
  for (const b of bars) {
    const site = b.site ?? "–";
    const list = sites.get(site);
    if (list) list.push(b);
    else sites.set(site, [b]);
  }
  const out: Rows = { bars: [], rows: 0, heads: [] };
  for (const [site, list] of [...sites].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const free: number[] = []; // until when each row of the site is taken
    const first = out.rows;
    const sorted = list.map((bar) => ({ bar, at: times(bar, now) })).sort((a, b) => a.at[0] - b.at[0] || a.bar.task - b.bar.task);
    for (const { bar, at } of sorted) {
      let row = free.findIndex((until) => until <= at[0]);
      if (row < 0) row = free.push(0) - 1;
      free[row] = at[2];
      out.bars.push({ bar, row: first + row, from: at[0], start: at[1], to: at[2] });
    }
    out.heads.push({ row: first, word: site, rows: free.length });
    out.rows += free.length;
  }
  return out;
}

export interface Gap {
  from: number;
  to: number;
}

// When no bar was there, between two moments; what is shorter than `least` is left out.
export function gaps_of(bars: Placed[], begin: number, end: number, least: number): Gap[] {
  const gaps: Gap[] = [];
  let at = begin;
  for (const b of [...bars].sort((x, y) => x.from - y.from)) {
    if (b.from - at >= least) gaps.push({ from: at, to: b.from });
    at = Math.max(at, b.to);
  }
  if (end - at >= least) gaps.push({ from: at, to: end });
  return gaps;
}

// Moments at which an axis has a line: round ones, at most `max`.
const STEPS_S = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800];
export function ticks_of(from: number, to: number, max: number): number[] {
  const span = Math.max(1, to - from);
  const step = (STEPS_S.find((s) => span / (s * 1000) <= max) ?? Math.ceil(span / max / 604_800_000) * 604_800) * 1000;
  const out: number[] = [];
  for (let t = Math.ceil(from / step) * step; t <= to && out.length < 200; t += step) out.push(t);
  return out;
}
