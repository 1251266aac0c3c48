// SPDX-License-Identifier: Apache-2.0
// heat.tsx - all tasks of an array as a strip of small cells, row by row, in the colours of the bar.
//
// A canvas as high as the window onto the strip, painted anew as the strip is scrolled: a million cells cost what those
// in sight cost, and only the stretches in sight are asked from the server. The same facts stand in the legend and in
// the table, so that nobody needs to see it; a click opens the task.

import { useEffect, useRef, useState } from "preact/hooks";
import { get, path_of } from "../api";
import { count } from "../format";
import { go, query_with } from "../router";
import { words } from "../strings";
import type { Job, Strip } from "../types";

const CELL_MAX = 14;
const CELL_MIN = 6; // what does not fit at this size is scrolled
const HEIGHT_MAX = 168;
const STRETCH = 20_000; // task numbers that the server tells at once
const PACE_MS = 2000; // between looks at what is in sight while the job changes

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

export interface Grid {
  cell: number;
  columns: number;
  rows: number;
}

// The largest cells with which all fit into the width and the height; else the smallest, and more rows than fit.
export function grid_of(n: number, width: number): Grid {
  for (let cell = CELL_MAX; cell > CELL_MIN; cell--) {
    const columns = Math.floor(width / cell);
    const rows = Math.ceil(n / columns);
    if (rows * cell <= HEIGHT_MAX) return { cell, columns, rows };
  }
  const columns = Math.max(1, Math.floor(width / CELL_MIN));
  return { cell: CELL_MIN, columns, rows: Math.ceil(n / columns) };
}

// The stretches that have been told, by their number from 0.
class Known {
  private cells = new Map<number, string>();
  private asked = new Set<number>();
  private told_at = new Map<number, number>();

  constructor(
    private readonly job: number,
    private readonly first: number,
    private readonly n: number,
    private readonly changed: () => void,
  ) {}

  at(i: number): string {
    return this.cells.get(Math.floor(i / STRETCH))?.[i % STRETCH] ?? "";
  }

  // Ask for those stretches that hold the cells from..to and are not known, or were told longer than `old_ms` ago.
  want(from: number, to: number, old_ms: number): void {
    for (let k = Math.floor(from / STRETCH); k <= Math.floor(Math.min(to, this.n - 1) / STRETCH); k++) {
      if (this.asked.has(k) || Date.now() - (this.told_at.get(k) ?? -Infinity) < old_ms) continue;
      this.asked.add(k);
      void this.ask(k);
    }
  }

  private async ask(k: number): Promise<void> {
    try {
      const strip = await get<Strip>(path_of(`/v1/jobs/${this.job}/strip`, { from: this.first + k * STRETCH }));
      this.cells.set(k, cells_of(strip.runs, STRETCH));
      this.changed();
    } catch {
      // the table below says what is wrong
    }
    this.told_at.set(k, Date.now());
    this.asked.delete(k);
  }
}

interface Sight {
  top: number; // first row in sight
  height: number; // pixels of the window
}

function ink_of(canvas: HTMLCanvasElement): Ink {
  const box = canvas.closest<HTMLElement>(".heat")!;
  const kinds: Record<string, string> = {};
  for (const l of Object.values(letters)) kinds[l.kind] = getComputedStyle(box.querySelector(`.probe.${l.kind}`)!).color;
  const own = getComputedStyle(canvas);
  return { kinds, ground: own.backgroundColor, text: own.color };
}

interface Ink {
  kinds: Record<string, string>;
  ground: string;
  text: string;
}

// Runs of cells alike are one rectangle each; what parts the cells is cleared afterwards, column by column.
function paint(canvas: HTMLCanvasElement, known: Known, g: Grid, n: number, sight: Sight, shift: number, chosen: number, ink: Ink): void {
  const ratio = Math.min(2, devicePixelRatio || 1);
  const [w, h] = [Math.round(g.columns * g.cell * ratio), Math.round(sight.height * ratio)];
  if (canvas.width !== w) canvas.width = w;
  if (canvas.height !== h) canvas.height = h;
  const c = canvas.getContext("2d");
  if (!c) return;
  c.setTransform(ratio, 0, 0, ratio, 0, 0);
  c.clearRect(0, 0, w, h);
  const size = g.cell - 1;
  const last = Math.min(n, (sight.top + Math.ceil(sight.height / g.cell) + 1) * g.columns);
  for (let i = sight.top * g.columns; i < last; ) {
    const letter = known.at(i);
    const row_end = Math.min(last, (Math.floor(i / g.columns) + 1) * g.columns);
    let to = i + 1;
    while (to < row_end && known.at(to) === letter) to++;
    const kind = letters[letter]?.kind;
    if (kind) {
      const x = (i % g.columns) * g.cell;
      const y = (Math.floor(i / g.columns) - sight.top) * g.cell - shift;
      c.fillStyle = ink.kinds[kind]!;
      c.fillRect(x, y, (to - i) * g.cell, size);
      // A second sign beside the hue.
      if (kind === "failed") {
        c.fillStyle = ink.ground;
        c.fillRect(x, y + Math.floor(g.cell / 2) - 1, (to - i) * g.cell, 1.5);
      }
    }
    i = to;
  }
  for (let k = 1; k <= g.columns; k++) c.clearRect(k * g.cell - 1, 0, 1, h);
  if (chosen >= 0) {
    c.strokeStyle = ink.text;
    c.lineWidth = 2;
    c.strokeRect((chosen % g.columns) * g.cell, (Math.floor(chosen / g.columns) - sight.top) * g.cell - shift, size, size);
  }
}

function use_width(box: { current: HTMLElement | null }): number {
  const [width, set_width] = useState(0);
  useEffect(() => {
    const measure = new ResizeObserver(([e]) => e && set_width(Math.floor(e.contentRect.width)));
    if (box.current) measure.observe(box.current);
    return () => measure.disconnect();
  }, []);
  return width;
}

export function Heat({ of: j, chosen }: { of: Job; chosen: number | null }) {
  const n = j.last_task - j.first_task + 1;
  const box = useRef<HTMLDivElement>(null);
  const scroll = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const width = use_width(box);
  const [pointed, set_pointed] = useState<number | null>(null);
  const [, redraw] = useState(0);
  const [known] = useState(() => new Known(j.id, j.first_task, n, () => redraw((k) => k + 1)));
  const g = grid_of(n, Math.max(50, width - (n > 2000 ? 16 : 0)));
  const height = Math.min(HEIGHT_MAX, g.rows * g.cell);
  const picked = chosen === null ? -1 : chosen - j.first_task;

  const sight = (): Sight => ({ top: Math.floor((scroll.current?.scrollTop ?? 0) / g.cell), height });
  const ink = useRef<Ink | null>(null);
  const look = (old_ms: number) => {
    if (!canvas.current || width === 0) return;
    // While it is scrolled the colours stay what they are.
    if (old_ms !== Infinity || !ink.current) ink.current = ink_of(canvas.current);
    const s = sight();
    known.want(s.top * g.columns, (s.top + Math.ceil(height / g.cell) + 1) * g.columns, old_ms);
    paint(canvas.current, known, g, n, s, (scroll.current?.scrollTop ?? 0) % g.cell, picked, ink.current);
  };
  const frame = useRef(0);
  const on_scroll = () => {
    cancelAnimationFrame(frame.current);
    frame.current = requestAnimationFrame(() => look(Infinity));
  };
  useEffect(() => look(PACE_MS));
  useEffect(() => () => cancelAnimationFrame(frame.current), []);
  // The task that was chosen elsewhere comes into sight.
  useEffect(() => {
    const el = scroll.current;
    if (!el || picked < 0 || width === 0) return;
    const y = Math.floor(picked / g.columns) * g.cell;
    if (y < el.scrollTop || y + g.cell > el.scrollTop + height) el.scrollTop = y - height / 2;
  }, [picked, width]);

  const at = (e: MouseEvent): number | null => {
    const r = canvas.current!.getBoundingClientRect();
    const column = Math.floor((e.clientX - r.left) / g.cell);
    const i = Math.floor((e.clientY - r.top + (scroll.current?.scrollTop ?? 0)) / g.cell) * g.columns + column;
    return column < g.columns && i >= 0 && i < n && letters[known.at(i)] ? i : null;
  };
  return (
    <div class="heat" ref={box}>
      {Object.values(letters).map((l) => (
        <i key={l.kind} class={`probe ${l.kind}`} />
      ))}
      <div class="heat-scroll" ref={scroll} tabIndex={g.rows * g.cell > height ? 0 : undefined} role="group" aria-label={words.heat} style={{ height: `${height}px` }} onScroll={on_scroll}>
        <div style={{ height: `${g.rows * g.cell}px` }}>
          <canvas
            ref={canvas}
            role="img"
            aria-label={words.heat_label(count(j.first_task), count(j.last_task))}
            style={{ width: `${g.columns * g.cell}px`, height: `${height}px` }}
            onMouseMove={(e) => set_pointed(at(e))}
            onMouseLeave={() => set_pointed(null)}
            onClick={(e) => {
              const i = at(e);
              if (i === null) return;
              const task = String(j.first_task + i);
              go(query_with({ task, from: task, state: null, cursor: null, attempt: null }));
            }}
          />
        </div>
      </div>
      <p class="muted small">{pointed !== null ? `${words.task_title(String(j.first_task + pointed))}: ${letters[known.at(pointed)]?.word ?? ""}` : words.heat_range(count(j.first_task), count(j.last_task))}</p>
    </div>
  );
}
