// SPDX-License-Identifier: Apache-2.0
// timeline.tsx - when and where the attempts of a job ran: bars in time, and why nothing ran in between.

import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { path_of } from "../api";
import { Empty, Failure, Section, State, Text } from "../parts/basic";
import { use_dependent } from "../dependent";
import { count, seconds, visible } from "../format";
import { tick } from "../live";
import { go, Link, query, query_set, query_with } from "../router";
import { words } from "../strings";
import type { Explain, Job } from "../types";
import { gaps_of, rows_by_site, rows_by_task, ticks_of, type Gap, type Placed, type Rows } from "./lanes";
import { canvas_begin, colours_of, use_theme, use_width } from "./paint";
import type { Timeline } from "./types";
import { w } from "./words";

const LIMIT = 2000; // attempts at a time
const HEIGHT_MAX = 460;
const ROW_MAX = 18;
const AXIS = 22;
const LIST_MAX = 200;
const GAPS_MAX = 20;
const DRAG_PX = 6;

const COLOURS = ["surface", "text", "muted", "line", "line-strong", "accent", "good-fill", "bad-fill", "busy-fill", "done-fill", "term-stage"] as const;
type Span = [number, number];

const fill_of = (p: Placed) => (p.bar.state === "succeeded" ? "good-fill" : p.bar.state === "failed" || p.bar.state === "lost" ? "bad-fill" : p.bar.ended_at ? "done-fill" : "busy-fill");

function clock_of(ms: number, span: Span): string {
  const d = new Date(ms);
  const wide = span[1] - span[0];
  if (wide > 2 * 86_400_000) return d.toLocaleDateString(undefined, { month: "short", day: "numeric" });
  return d.toLocaleTimeString(undefined, wide > 600_000 ? { hour: "2-digit", minute: "2-digit" } : {});
}

function draw(canvas: HTMLCanvasElement, width: number, height: number, rows: Rows, span: Span, drag: Span | null): void {
  const c = canvas_begin(canvas, width, height);
  if (!c) return;
  const ink = colours_of(canvas.parentElement!, COLOURS);
  const x = (t: number) => ((t - span[0]) / Math.max(1, span[1] - span[0])) * width;
  const high = (height - AXIS) / Math.max(1, rows.rows);
  c.font = "11px system-ui, sans-serif";
  c.fillStyle = ink["muted"]!;
  c.strokeStyle = ink["line"]!;
  c.lineWidth = 1;
  for (const t of ticks_of(span[0], span[1], width / 90)) {
    c.beginPath();
    c.moveTo(Math.round(x(t)) + 0.5, 0);
    c.lineTo(Math.round(x(t)) + 0.5, height - AXIS);
    c.stroke();
    c.fillText(clock_of(t, span), Math.min(width - 60, x(t) + 3), height - 7);
  }
  const gap = high >= 6 ? 1.5 : 0;
  for (const p of rows.bars) {
    if (p.to < span[0] || p.from > span[1]) continue;
    const top = p.row * high;
    const [a, b, e] = [x(p.from), x(p.start), x(p.to)];
    c.fillStyle = ink["term-stage"]!;
    c.fillRect(a, top + gap, Math.max(b - a, 0), Math.max(1, high - 2 * gap));
    c.fillStyle = ink[fill_of(p)]!;
    c.fillRect(b, top + gap, Math.max(1, e - b), Math.max(1, high - 2 * gap));
    if (fill_of(p) === "bad-fill" && high >= 6) {
      c.fillStyle = ink["surface"]!;
      c.fillRect(b + 2, top + high / 2 - 0.75, Math.max(0, e - b - 4), 1.5);
    }
  }
  c.strokeStyle = ink["line-strong"]!;
  for (const h of rows.heads) {
    c.beginPath();
    c.moveTo(0, Math.round(h.row * high) + 0.5);
    c.lineTo(width, Math.round(h.row * high) + 0.5);
    c.stroke();
  }
  if (drag) {
    c.globalAlpha = 0.25;
    c.fillStyle = ink["accent"]!;
    c.fillRect(Math.min(...drag), 0, Math.abs(drag[1] - drag[0]), height - AXIS);
    c.globalAlpha = 1;
  }
}

function Chart({ of: rows, whole, label }: { of: Rows; whole: Span; label: string }) {
  const box = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const width = use_width(box, null);
  const theme = use_theme();
  const [chosen, set_chosen] = useState<Span | null>(null);
  const [drag, set_drag] = useState<Span | null>(null);
  const [pointed, set_pointed] = useState<Placed | null>(null);
  const span = chosen ?? whole;
  const high = Math.min(ROW_MAX, (HEIGHT_MAX - AXIS) / Math.max(1, rows.rows));
  const height = Math.max(60, Math.ceil(rows.rows * high) + AXIS);
  useEffect(() => {
    if (canvas.current && width > 0) draw(canvas.current, width, height, rows, span, drag);
  }, [rows, width, height, span[0], span[1], drag, theme]);
  const time_at = (px: number) => span[0] + (px / Math.max(1, width)) * (span[1] - span[0]);
  const px_of = (e: MouseEvent) => e.clientX - canvas.current!.getBoundingClientRect().left;
  const at = (e: MouseEvent): Placed | null => {
    const r = canvas.current!.getBoundingClientRect();
    const t = time_at(e.clientX - r.left);
    const slack = ((span[1] - span[0]) / Math.max(1, width)) * 2;
    const row = Math.floor((e.clientY - r.top) / ((height - AXIS) / Math.max(1, rows.rows)));
    return rows.bars.find((p) => p.row === row && p.from - slack <= t && p.to + slack >= t) ?? null;
  };
  const zoom = (by: number) => {
    const mid = (span[0] + span[1]) / 2;
    const half = ((span[1] - span[0]) / 2) * by;
    set_chosen(half * 2 >= whole[1] - whole[0] ? null : [mid - half, mid + half]);
  };
  const open = (p: Placed) => go(query_with({ tab: "log", task: String(p.bar.task), attempt: String(p.bar.attempt), from: null }));
  return (
    <div class="gantt">
      <div class="gantt-heads" aria-hidden="true">
        {rows.heads.map((h) => (
          <span key={h.word} style={{ top: `${h.row * ((height - AXIS) / Math.max(1, rows.rows))}px` }}>
            {visible(h.word, 20)}
          </span>
        ))}
      </div>
      <div class="drawing grow" ref={box}>
        <canvas
          ref={canvas}
          role="img"
          aria-label={label}
          style={{ width: `${width}px`, height: `${height}px` }}
          onPointerDown={(e) => {
            e.currentTarget.setPointerCapture(e.pointerId);
            set_drag([px_of(e), px_of(e)]);
          }}
          onPointerMove={(e) => {
            if (drag) set_drag([drag[0], px_of(e)]);
            else set_pointed(at(e));
          }}
          onPointerLeave={() => set_pointed(null)}
          onPointerUp={(e) => {
            const d = drag;
            set_drag(null);
            if (d && Math.abs(d[1] - d[0]) > DRAG_PX) set_chosen([time_at(Math.min(...d)), time_at(Math.max(...d))]);
            else {
              const p = at(e);
              if (p) open(p);
            }
          }}
        />
        <p class="muted small drawing-foot">
          <span class="grow">
            {pointed
              ? w.timeline_bar(`${pointed.bar.task}#${pointed.bar.attempt}`, visible(pointed.bar.site ?? "–", 40), seconds((pointed.start - pointed.from) / 1000), seconds((pointed.to - pointed.start) / 1000), pointed.bar.state)
              : w.timeline_keys}
          </span>
          <button type="button" class="quiet" onClick={() => zoom(0.5)}>
            {w.zoom_in}
          </button>
          <button type="button" class="quiet" onClick={() => zoom(2)}>
            {w.zoom_out}
          </button>
          {chosen && (
            <button type="button" class="quiet" onClick={() => set_chosen(null)}>
              {w.timeline_whole}
            </button>
          )}
        </p>
      </div>
    </div>
  );
}

// Why nothing was under way: what the job waited for then.
function Gaps({ of: gaps, span, job: j }: { of: Gap[]; span: Span; job: Job }) {
  const { data } = use_dependent<Explain>(gaps.length ? `/v1/jobs/${j.id}/explain` : null, gaps.length);
  const why = (g: Gap): string | null => {
    let best: string | null = null;
    let most = 0;
    for (const h of data?.history ?? []) {
      const both = Math.min(g.to, h.until ? Date.parse(h.until) : Infinity) - Math.max(g.from, Date.parse(h.since));
      if (both > most) [most, best] = [both, h.sentence];
    }
    return best;
  };
  if (gaps.length === 0) return null;
  return (
    <>
      <h3>{w.gaps}</h3>
      <ul class="gap-list">
        {gaps.slice(0, GAPS_MAX).map((g, i) => (
          <li key={g.from}>
            <span class="num">
              {clock_of(g.from, span)} – {clock_of(g.to, span)}
            </span>
            <b class="num">{seconds((g.to - g.from) / 1000)}</b>
            <span class="muted">{why(g) ? <Text of={why(g)} max={300} /> : i === 0 && g.from === span[0] ? w.gap_first : w.gap_unknown}</span>
          </li>
        ))}
      </ul>
    </>
  );
}

function List({ of: bars }: { of: Placed[] }) {
  return (
    <details>
      <summary>{w.graph_list}</summary>
      <div class="scroll">
        <table class="rows">
          <thead>
            <tr>
              <th scope="col">{words.col_task}</th>
              <th scope="col">{words.col_state}</th>
              <th scope="col">{words.col_site}</th>
              <th scope="col" class="num">
                {w.staged}
              </th>
              <th scope="col" class="num">
                {words.col_wall}
              </th>
            </tr>
          </thead>
          <tbody>
            {bars.slice(0, LIST_MAX).map((p) => (
              <tr key={`${p.bar.task} ${p.bar.attempt}`}>
                <td>
                  <Link to={query_with({ tab: "log", task: String(p.bar.task), attempt: String(p.bar.attempt), from: null })}>
                    {p.bar.task}
                    {p.bar.attempt > 1 && `#${p.bar.attempt}`}
                  </Link>
                </td>
                <td>
                  <State machine="attempt" of={p.bar.state} />
                </td>
                <td>
                  <Text of={p.bar.site} max={60} />
                </td>
                <td class="num">{seconds((p.start - p.from) / 1000)}</td>
                <td class="num">{p.bar.started_at ? seconds((p.to - p.start) / 1000) : "–"}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}

export function TimelineTab({ of: j }: { of: Job }) {
  const from = query.value.get("from");
  const by = query.value.get("rows") === "task" ? "task" : "site";
  const { data, problem } = use_dependent<Timeline>(path_of(`/v1/jobs/${j.id}/timeline`, { from, limit: LIMIT }), j);
  const now = j.finished_at ? Date.parse(j.finished_at) : tick.value;
  const rows = useMemo(() => (data ? (by === "task" ? rows_by_task : rows_by_site)(data.items, now) : null), [data, by, j.finished_at ? 0 : Math.floor(now / 1000)]);
  const partial = from !== null || (data?.next ?? null) !== null;
  const begin = partial && rows?.bars.length ? Math.min(...rows.bars.map((p) => p.from)) : Date.parse(j.submitted_at);
  const end = Math.max(begin + 100, partial && rows?.bars.length ? Math.max(...rows.bars.map((p) => p.to)) : now);
  const span: Span = [begin, end];
  const last = data?.items[data.items.length - 1]?.task;
  return (
    <Section
      id="timeline"
      title={w.timeline}
      aside={
        <div class="filters">
          <label class="check">
            {w.timeline_by}
            <select value={by} onChange={(e) => query_set({ rows: e.currentTarget.value === "task" ? "task" : null })}>
              <option value="site">{w.timeline_by_site}</option>
              <option value="task">{w.timeline_by_task}</option>
            </select>
          </label>
        </div>
      }
    >
      {problem && <Failure problem={problem} />}
      {!data && !problem && <p class="empty">{words.loading}</p>}
      {rows && rows.bars.length === 0 && (
        <Empty title={w.timeline_none}>
          {j.wait && (
            <p>
              <Text of={j.wait.sentence} max={400} />
            </p>
          )}
        </Empty>
      )}
      {rows && rows.bars.length > 0 && (
        <>
          <ul class="legend gantt-legend">
            <li>
              <i class="key-stage" /> {w.staged}
            </li>
            <li>
              <i class="running" /> {words.part_running}
            </li>
            <li>
              <i class="succeeded" /> {words.part_succeeded}
            </li>
            <li>
              <i class="failed" /> {words.part_failed}
            </li>
          </ul>
          <Chart of={rows} whole={span} label={w.timeline_label(count(rows.bars.length), clock_of(begin, span), clock_of(end, span))} />
          {partial && (
            <div class="pager">
              <span class="muted">{w.timeline_range(count(data!.items[0]!.task), count(last))}</span>
              {from !== null && <Link to={query_with({ from: null })}>{w.timeline_first}</Link>}
              {data!.next !== null && <Link to={query_with({ from: String(data!.next) })}>{w.timeline_next}</Link>}
            </div>
          )}
          {!partial && <Gaps of={gaps_of(rows.bars, begin, j.finished_at || j.tasks.ready + j.tasks.blocked > 0 ? end : begin, Math.max(1000, (end - begin) / 50))} span={span} job={j} />}
          <List of={rows.bars} />
        </>
      )}
    </Section>
  );
}
