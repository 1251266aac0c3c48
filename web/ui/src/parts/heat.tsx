// SPDX-License-Identifier: Apache-2.0
// heat.tsx - all tasks of an array as a strip of small cells, one row after the other, in the colours of the bar.
//
// A canvas: a hundred thousand cells cost what one picture costs. The same facts stand in the legend and in the table,
// so that nobody needs to see it; a click (or Enter on the number below) opens the task.

import { useEffect, useRef, useState } from "preact/hooks";
import { path_of } from "../api";
import { use_dependent } from "../dependent";
import { count } from "../format";
import { go, query, query_with } from "../router";
import { words } from "../strings";
import type { Job, Strip } from "../types";

const CELL_MAX = 14;
const HEIGHT_MAX = 150;

const letters: Record<string, { kind: string; word: string }> = {
  s: { kind: "succeeded", word: words.part_succeeded },
  f: { kind: "failed", word: words.part_failed },
  c: { kind: "cancelled", word: words.part_cancelled },
  p: { kind: "running", word: words.part_placed },
  r: { kind: "ready", word: words.part_ready },
  b: { kind: "blocked", word: words.part_blocked },
};

// "337s1f2-": the letters of the tasks one by one.
export function cells_of(runs: string, max: number): string {
  let out = "";
  for (const m of runs.matchAll(/(\d+)([a-z-])/g)) {
    out += m[2]!.repeat(Math.min(Number(m[1]), max - out.length));
    if (out.length >= max) break;
  }
  return out;
}

interface Grid {
  cell: number;
  columns: number;
  rows: number;
}

// The largest cells with which all fit into the width and the height.
export function grid_of(n: number, width: number): Grid {
  for (let cell = CELL_MAX; cell > 1; cell--) {
    const columns = Math.floor(width / cell);
    const rows = Math.ceil(n / columns);
    if (rows * cell <= HEIGHT_MAX) return { cell, columns, rows };
  }
  return { cell: 1, columns: width, rows: Math.min(HEIGHT_MAX, Math.ceil(n / width)) };
}

function paint(canvas: HTMLCanvasElement, cells: string, g: Grid, chosen: number): void {
  const ratio = devicePixelRatio || 1;
  canvas.width = Math.round(g.columns * g.cell * ratio);
  canvas.height = Math.round(g.rows * g.cell * ratio);
  const c = canvas.getContext("2d");
  if (!c) return;
  c.scale(ratio, ratio);
  const colours = new Map<string, string>();
  const gap = g.cell >= 5 ? 1 : 0;
  for (let i = 0; i < cells.length; i++) {
    const kind = letters[cells[i]!]?.kind;
    if (!kind) continue;
    let colour = colours.get(kind);
    if (!colour) {
      const probe = canvas.parentElement!.querySelector<HTMLElement>(`.probe.${kind}`);
      colour = probe ? getComputedStyle(probe).color : "#888";
      colours.set(kind, colour);
    }
    c.fillStyle = colour;
    const x = (i % g.columns) * g.cell;
    const y = Math.floor(i / g.columns) * g.cell;
    c.fillRect(x, y, g.cell - gap, g.cell - gap);
    // A second sign beside the hue, where there is room for one.
    if (kind === "failed" && g.cell >= 6) {
      c.fillStyle = getComputedStyle(canvas).backgroundColor;
      c.fillRect(x + 2, y + Math.floor(g.cell / 2) - 1, g.cell - gap - 4, 1.5);
    }
  }
  if (chosen >= 0) {
    c.strokeStyle = getComputedStyle(canvas).color;
    c.lineWidth = 2;
    c.strokeRect((chosen % g.columns) * g.cell, Math.floor(chosen / g.columns) * g.cell, Math.max(3, g.cell - gap), Math.max(3, g.cell - gap));
  }
}

export function Heat({ of: j, chosen }: { of: Job; chosen: number | null }) {
  const from = /^\d{1,10}$/.test(query.value.get("strip") ?? "") ? Number(query.value.get("strip")) : j.first_task;
  const { data } = use_dependent<Strip>(path_of(`/v1/jobs/${j.id}/strip`, { from }), j);
  const box = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const [width, set_width] = useState(0);
  const [pointed, set_pointed] = useState<number | null>(null);
  useEffect(() => {
    const measure = new ResizeObserver(([e]) => e && set_width(Math.floor(e.contentRect.width)));
    if (box.current) measure.observe(box.current);
    return () => measure.disconnect();
  }, [data !== null]);
  const n = data ? data.to - data.from + 1 : 0;
  const cells = data ? cells_of(data.runs, n) : "";
  const g = grid_of(Math.max(1, n), Math.max(50, width));
  const theme = document.documentElement.dataset["theme"];
  useEffect(() => {
    if (canvas.current && width > 0) paint(canvas.current, cells, g, data && chosen !== null ? chosen - data.from : -1);
  }, [cells, width, chosen, theme]);
  if (!data) return null;
  const at = (e: MouseEvent): number | null => {
    const r = canvas.current!.getBoundingClientRect();
    const i = Math.floor((e.clientY - r.top) / g.cell) * g.columns + Math.floor((e.clientX - r.left) / g.cell);
    return i >= 0 && i < cells.length && letters[cells[i]!] ? i : null;
  };
  return (
    <div class="heat" ref={box}>
      {Object.values(letters).map((l) => (
        <i key={l.kind} class={`probe ${l.kind}`} />
      ))}
      <canvas
        ref={canvas}
        role="img"
        aria-label={words.heat_label(count(data.from), count(data.to))}
        style={{ width: `${g.columns * g.cell}px`, height: `${g.rows * g.cell}px` }}
        onMouseMove={(e) => set_pointed(at(e))}
        onMouseLeave={() => set_pointed(null)}
        onClick={(e) => {
          const i = at(e);
          if (i !== null) go(query_with({ task: String(data.from + i), from: String(data.from + i), state: null, cursor: null, attempt: null }));
        }}
      />
      <p class="muted small">
        {pointed !== null ? `${words.task_title(String(data.from + pointed))}: ${letters[cells[pointed]!]?.word ?? ""}` : words.heat_range(count(data.from), count(data.to))}
        {data.next !== null && (
          <button type="button" class="quiet" onClick={() => go(query_with({ strip: String(data.next) }))}>
            {words.heat_next}
          </button>
        )}
        {from > j.first_task && (
          <button type="button" class="quiet" onClick={() => go(query_with({ strip: null }))}>
            {words.tasks_first}
          </button>
        )}
      </p>
    </div>
  );
}
