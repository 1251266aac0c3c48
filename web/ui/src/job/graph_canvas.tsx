// SPDX-License-Identifier: Apache-2.0
// graph_canvas.tsx - the drawing of a graph: moved and zoomed by pointer, wheel and keys; a click opens a job.

import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { Icon } from "../parts/icon";
import { count, visible } from "../format";
import { go } from "../router";
import { look_of_job, type Look, type Tone } from "../states";
import type { Drawing, Drawn } from "./groups";
import { lay_out, type Laid } from "./layout";
import { canvas_begin, colours_of, use_theme, use_width } from "./paint";
import { w } from "./words";

const COLUMN = 210; // from layer to layer
const ROW = 46;
const BOX_W = 158;
const BOX_H = 34;
const MARGIN = 24;
const SCALE_MAX = 2;
const LABELS_FROM = 0.45; // smaller, nobody could read them
const CLICK_PX = 4; // a pointer that moved less than this clicked

interface View {
  x: number; // what of the drawing is at the upper left corner
  y: number;
  scale: number;
}

const tones: Record<Tone, string> = { good: "good", bad: "bad", warn: "warn", busy: "busy", calm: "calm", done: "calm" };
const COLOURS = ["surface", "text", "muted", "line-strong", "accent", "good", "bad", "warn", "busy", "calm", "good-ground", "bad-ground", "warn-ground", "busy-ground", "calm-ground", "term-out"] as const;

export const state_of = (d: Drawn): Look => look_of_job({ state: d.jobs[0]!.state, tasks: { placed: d.jobs[0]!.running } });

const label_of = (d: Drawn) => (d.jobs.length > 1 ? w.graph_alike(count(d.jobs.length)) : String(d.jobs[0]!.job));

function fit_view(l: Laid, width: number, height: number): View {
  const all_w = Math.max(1, l.layers) * COLUMN;
  const all_h = Math.max(1, l.rows) * ROW;
  const scale = Math.min(1, (width - 2 * MARGIN) / all_w, (height - 2 * MARGIN) / all_h);
  return { scale, x: all_w / 2 - width / 2 / scale, y: all_h / 2 - height / 2 / scale };
}

const middle = (l: Laid, i: number): [number, number] => [(l.x[i]! + 0.5) * COLUMN, (l.y[i]! + 0.5) * ROW];

interface Scene {
  drawing: Drawing;
  laid: Laid;
  here: number;
  lit: Set<number>; // found, or of the longest chain
  chain: Set<string>; // its links
  pointed: number | null;
}

function cut_text(c: CanvasRenderingContext2D, text: string, width: number): string {
  if (c.measureText(text).width <= width) return text;
  let n = text.length;
  while (n > 1 && c.measureText(`${text.slice(0, n)}…`).width > width) n = Math.floor(n * 0.9);
  return `${text.slice(0, n)}…`;
}

function draw_links(c: CanvasRenderingContext2D, s: Scene, v: View, ink: Record<string, string>, seen: (x: number, y: number) => boolean): void {
  for (const strong of [false, true]) {
    c.lineWidth = (strong ? 2.5 : 1.2) / Math.max(v.scale, 0.5);
    s.drawing.edges.forEach(([a, b], i) => {
      if (s.chain.has(`${a} ${b}`) !== strong) return;
      const [x0, y0] = middle(s.laid, a);
      const [x1, y1] = middle(s.laid, b);
      if (!seen(x0, y0) && !seen(x1, y1) && !seen((x0 + x1) / 2, (y0 + y1) / 2)) return;
      c.strokeStyle = strong ? ink["accent"]! : s.drawing.data[i] ? ink["term-out"]! : ink["line-strong"]!;
      c.setLineDash(s.drawing.data[i] ? [6, 3] : []);
      const from = x0 + BOX_W / 2;
      const to = x1 - BOX_W / 2;
      const bend = Math.max(24, (to - from) / 2);
      c.beginPath();
      c.moveTo(from, y0);
      c.bezierCurveTo(from + bend, y0, to - bend, y1, to - 6, y1);
      c.stroke();
      if (v.scale < 0.3) return;
      c.setLineDash([]);
      c.beginPath();
      c.moveTo(to - 7, y1 - 4);
      c.lineTo(to, y1);
      c.lineTo(to - 7, y1 + 4);
      c.stroke();
    });
  }
  c.setLineDash([]);
}

function draw_box(c: CanvasRenderingContext2D, s: Scene, i: number, v: View, ink: Record<string, string>): void {
  const d = s.drawing.nodes[i]!;
  const [x, y] = middle(s.laid, i);
  const tone = tones[state_of(d).tone];
  const [left, top] = [x - BOX_W / 2, y - BOX_H / 2];
  if (d.jobs.length > 1) {
    c.fillStyle = ink[`${tone}-ground`]!;
    c.strokeStyle = ink[tone]!;
    c.lineWidth = 1;
    c.beginPath();
    c.roundRect(left + 4, top + 4, BOX_W, BOX_H, 6);
    c.fill();
    c.stroke();
  }
  c.beginPath();
  c.roundRect(left, top, BOX_W, BOX_H, 6);
  c.fillStyle = ink[`${tone}-ground`]!;
  c.fill();
  c.strokeStyle = i === s.here || s.lit.has(i) || i === s.pointed ? ink["accent"]! : ink[tone]!;
  c.lineWidth = i === s.here || s.lit.has(i) ? 3 : i === s.pointed ? 2 : 1;
  c.stroke();
  c.fillStyle = ink[tone]!;
  c.fillRect(left, top + 6, 4, BOX_H - 12);
  if (v.scale < LABELS_FROM) return;
  c.fillStyle = ink["text"]!;
  c.font = "600 12px system-ui, sans-serif";
  c.fillText(cut_text(c, visible(d.label, 60), BOX_W - 18), left + 11, top + 14);
  c.font = "11px system-ui, sans-serif";
  c.fillStyle = ink[tone]!;
  c.fillText(cut_text(c, `${label_of(d)} · ${state_of(d).word}`, BOX_W - 18), left + 11, top + 28);
}

function draw(canvas: HTMLCanvasElement, width: number, height: number, s: Scene, v: View): void {
  const c = canvas_begin(canvas, width, height);
  if (!c) return;
  const ink = colours_of(canvas.parentElement!, COLOURS);
  c.scale(v.scale, v.scale);
  c.translate(-v.x, -v.y);
  const [right, low] = [v.x + width / v.scale, v.y + height / v.scale];
  const seen = (x: number, y: number) => x > v.x - COLUMN && x < right + COLUMN && y > v.y - ROW && y < low + ROW;
  draw_links(c, s, v, ink, seen);
  for (let i = 0; i < s.drawing.nodes.length; i++) {
    const [x, y] = middle(s.laid, i);
    if (seen(x, y)) draw_box(c, s, i, v, ink);
  }
}

interface CanvasProps {
  drawing: Drawing;
  here: number;
  lit: Set<number>;
  chain: Set<string>;
  label: string;
}

export function GraphCanvas({ drawing, here, lit, chain, label }: CanvasProps) {
  const laid = useMemo(() => lay_out(drawing.nodes.length, drawing.edges), [drawing]);
  const box = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const width = use_width(box, null);
  const height = Math.max(180, Math.min(560, laid.rows * ROW + 2 * MARGIN));
  const theme = use_theme();
  const [moved, set_view] = useState<View | null>(null);
  const [pointed, set_pointed] = useState<number | null>(null);
  const drag = useRef<{ x: number; y: number; view: View; far: boolean } | null>(null);
  const view = moved ?? fit_view(laid, Math.max(100, width), height);
  useEffect(() => set_view(null), [laid]);
  // What was just found is brought to the middle.
  const first = lit.size === 1 && chain.size === 0 ? [...lit][0]! : -1;
  useEffect(() => {
    if (first < 0 || width === 0) return;
    const [x, y] = middle(laid, first);
    const scale = Math.max(view.scale, 0.8);
    set_view({ scale, x: x - width / 2 / scale, y: y - height / 2 / scale });
  }, [first]);
  useEffect(() => {
    if (canvas.current && width > 0) draw(canvas.current, width, height, { drawing, laid, here, lit, chain, pointed }, view);
  });
  void theme;

  const zoom = (by: number, px = width / 2, py = height / 2) => {
    const scale = Math.min(SCALE_MAX, Math.max(0.02, view.scale * by));
    set_view({ scale, x: view.x + px / view.scale - px / scale, y: view.y + py / view.scale - py / scale });
  };
  const move = (dx: number, dy: number) => set_view({ ...view, x: view.x + dx / view.scale, y: view.y + dy / view.scale });
  const at = (e: MouseEvent): number | null => {
    const r = canvas.current!.getBoundingClientRect();
    const x = (e.clientX - r.left) / view.scale + view.x;
    const y = (e.clientY - r.top) / view.scale + view.y;
    for (let i = 0; i < drawing.nodes.length; i++) {
      const [mx, my] = middle(laid, i);
      if (Math.abs(mx - x) <= BOX_W / 2 && Math.abs(my - y) <= BOX_H / 2) return i;
    }
    return null;
  };
  useEffect(() => {
    const el = canvas.current!;
    // Only with Ctrl: the wheel alone scrolls the page.
    const wheel = (e: WheelEvent) => {
      if (!e.ctrlKey && !e.metaKey) return;
      e.preventDefault();
      const r = el.getBoundingClientRect();
      zoom(Math.exp(-e.deltaY / 300), e.clientX - r.left, e.clientY - r.top);
    };
    el.addEventListener("wheel", wheel, { passive: false });
    return () => el.removeEventListener("wheel", wheel);
  });
  const keys: Record<string, () => void> = {
    ArrowLeft: () => move(-60, 0), ArrowRight: () => move(60, 0), ArrowUp: () => move(0, -60), ArrowDown: () => move(0, 60),
    "+": () => zoom(1.25), "-": () => zoom(0.8), "0": () => set_view(null),
  };
  const p = pointed === null ? null : drawing.nodes[pointed];
  return (
    <div class="drawing" ref={box}>
      <canvas
        ref={canvas}
        tabIndex={0}
        role="img"
        aria-label={label}
        style={{ width: `${width}px`, height: `${height}px` }}
        onKeyDown={(e) => {
          const act = keys[e.key];
          if (!act || e.ctrlKey || e.metaKey || e.altKey) return;
          e.preventDefault();
          e.stopPropagation();
          act();
        }}
        onPointerDown={(e) => {
          if (e.button !== 0) return;
          drag.current = { x: e.clientX, y: e.clientY, view, far: false };
          e.currentTarget.setPointerCapture(e.pointerId);
        }}
        onPointerMove={(e) => {
          const d = drag.current;
          if (!d) return set_pointed(at(e));
          const [dx, dy] = [e.clientX - d.x, e.clientY - d.y];
          if (Math.hypot(dx, dy) > CLICK_PX) d.far = true;
          if (d.far) set_view({ ...d.view, x: d.view.x - dx / d.view.scale, y: d.view.y - dy / d.view.scale });
        }}
        onPointerLeave={() => set_pointed(null)}
        onPointerUp={(e) => {
          const clicked = drag.current && !drag.current.far ? at(e) : null;
          drag.current = null;
          const n = clicked === null ? null : drawing.nodes[clicked]!;
          if (n && n.jobs.length === 1) go(`/jobs/${n.jobs[0]!.job}?tab=graph`);
        }}
      />
      <p class="muted small drawing-foot">
        <span class="grow">{p ? `${visible(p.label, 80)} · ${label_of(p)} · ${state_of(p).word}` : w.graph_keys}</span>
        <button type="button" class="quiet" onClick={() => zoom(1.25)}>
          <Icon name="plus" />
          {w.zoom_in}
        </button>
        <button type="button" class="quiet" onClick={() => zoom(0.8)}>
          {w.zoom_out}
        </button>
        <button type="button" class="quiet" onClick={() => set_view(null)}>
          {w.fit}
        </button>
      </p>
    </div>
  );
}
