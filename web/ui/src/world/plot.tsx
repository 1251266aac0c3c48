// SPDX-License-Identifier: Apache-2.0
// plot.tsx - values over time as lines or stacked areas, drawn as SVG; the pointer or the arrow keys read them off, and a
// table says the same.

import type { RefObject } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { Icon } from "../parts/icon";
import { csv_cell, save_file } from "../export";
import { bytes, count, seconds, visible } from "../format";
import { words } from "../strings";
import { w } from "./words";
import "./style";

export interface Line {
  name: string;
  values: (number | null)[];
}

interface PlotProps {
  label: string;
  times: string[];
  lines: Line[];
  unit: Unit;
  stacked?: boolean;
  name: string; // of files
}

const HEIGHT = 220;
const LEFT = 64;
const BOTTOM = 22;
const TOP = 8;
const TABLE_MAX = 300;
const HUES = 6;

// How large a step of the scale may be, by what is measured: round in the way in which people say it.
const TENS = [1, 2, 5, 10];
const DURATIONS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14_400, 28_800, 86_400];

export type Unit = "count" | "seconds" | "bytes";

function step_of(raw: number, unit: Unit): number {
  if (unit === "seconds") {
    const round = DURATIONS.find((s) => s >= raw);
    if (round) return round;
  }
  if (unit === "bytes") {
    const power = 1024 ** Math.max(0, Math.floor(Math.log(raw) / Math.log(1024)));
    return power * step_of(raw / power, "count");
  }
  const power = 10 ** Math.floor(Math.log10(raw));
  return TENS.map((m) => m * power).find((s) => s >= raw) ?? 10 * power;
}

// The scale: from nothing to a round value above the largest one, in three to five steps.
export function ticks_of(most: number, unit: Unit): number[] {
  if (!(most > 0)) return [0, 1];
  const step = step_of(Math.max(most / 4, unit === "seconds" ? 0.1 : unit === "count" ? 1 : 1e-9), unit);
  return Array.from({ length: Math.max(2, Math.ceil(most / step) + 1) }, (_, i) => i * step);
}

const clock_of = (time: string, days: boolean) => {
  const d = new Date(time);
  return days ? d.toLocaleDateString(undefined, { month: "short", day: "numeric" }) : d.toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit" });
};

function use_width(): [RefObject<HTMLDivElement | null>, number] {
  const box = useRef<HTMLDivElement>(null);
  const [width, set_width] = useState(600);
  useEffect(() => {
    const eye = new ResizeObserver(() => set_width(box.current?.clientWidth || 600));
    if (box.current) eye.observe(box.current);
    return () => eye.disconnect();
  }, []);
  return [box, width];
}

// A value with none beside it makes no line, but a spot.
const known = (v: number | null | undefined) => v !== null && v !== undefined;

function path_of_line(points: ([number, number] | null)[]): string {
  let d = "";
  points.forEach((p, i) => {
    if (p) d += `${i > 0 && points[i - 1] ? "L" : "M"}${p[0].toFixed(1)} ${p[1].toFixed(1)}`;
  });
  return d;
}

const says: Record<Unit, (v: number | null) => string> = {
  count: (v) => (v === null ? "–" : count(Math.round(v))),
  seconds: (v) => (v === 0 ? "0" : seconds(v)),
  bytes: (v) => (v === 0 ? "0" : bytes(v)),
};

export function Plot({ label, times, lines, unit, stacked = false, name }: PlotProps) {
  const said = says[unit];
  const [box, width] = use_width();
  const [at, set_at] = useState<number | null>(null);
  const sums = useMemo(() => {
    if (!stacked) return lines.map((l) => l.values);
    const below = times.map(() => 0);
    return lines.map((l) => l.values.map((v, i) => (below[i] = below[i]! + (v ?? 0))));
  }, [lines, times, stacked]);
  const most = Math.max(0, ...sums.flatMap((s) => s.map((v) => v ?? 0)));
  const ticks = ticks_of(most, unit);
  const top = ticks[ticks.length - 1]!;
  const inner = Math.max(10, width - LEFT - 8);
  const x = (i: number) => LEFT + (times.length > 1 ? (i * inner) / (times.length - 1) : inner / 2);
  const y = (v: number) => TOP + (HEIGHT - TOP - BOTTOM) * (1 - v / top);
  const span = times.length > 1 ? Date.parse(times[times.length - 1]!) - Date.parse(times[0]!) : 0;
  const mark_count = Math.max(2, Math.min(7, Math.floor(inner / 90)));
  const marks = times.length > 1 ? Array.from({ length: mark_count }, (_, i) => Math.round((i * (times.length - 1)) / (mark_count - 1))) : times.map((_, i) => i);
  const point_at = (e: PointerEvent) => {
    const r = (e.currentTarget as SVGElement).getBoundingClientRect();
    const i = Math.round(((e.clientX - r.left - LEFT) / inner) * (times.length - 1));
    set_at(i >= 0 && i < times.length ? i : null);
  };
  const key = (e: KeyboardEvent) => {
    const step = { ArrowLeft: -1, ArrowRight: 1, Home: -times.length, End: times.length }[e.key];
    if (step === undefined) return;
    e.preventDefault();
    set_at(Math.max(0, Math.min(times.length - 1, (at ?? times.length - 1) + step)));
  };
  const save = () => {
    const rows = [["time", ...lines.map((l) => l.name)], ...times.map((t, i) => [t, ...lines.map((l) => l.values[i] ?? "")])];
    save_file(`${name}.csv`, [`${rows.map((r) => r.map(csv_cell).join(",")).join("\r\n")}\r\n`], "text/csv");
  };
  const shown = at ?? times.length - 1;
  return (
    <div class="plot" ref={box}>
      <svg width={width} height={HEIGHT} tabindex={0} role="img" aria-label={`${label}. ${w.plot_keys}`} onPointerMove={point_at} onPointerLeave={() => set_at(null)} onKeyDown={key}>
        {ticks.map((t) => (
          <g key={t} class="tick">
            <path d={`M${LEFT} ${y(t).toFixed(1)}H${width - 8}`} />
            <text x={LEFT - 8} y={y(t) + 4} text-anchor="end">
              {said(t)}
            </text>
          </g>
        ))}
        {marks.map((i) => (
          <text key={i} class="time" x={x(i)} y={HEIGHT - 5} text-anchor={i === 0 ? "start" : i === times.length - 1 ? "end" : "middle"}>
            {times[i] && clock_of(times[i]!, span > 2 * 86_400_000)}
          </text>
        ))}
        {[...lines.keys()].reverse().map((k) => {
          const upper = sums[k]!.map((v, i) => (v === null ? null : ([x(i), y(v)] as [number, number])));
          if (!stacked) return <path key={k} class={`line h${k % HUES}`} d={path_of_line(upper)} />;
          const lower = k > 0 ? sums[k - 1]! : times.map(() => 0);
          const back = times.map((_, i) => `L${x(i).toFixed(1)} ${y(lower[i] ?? 0).toFixed(1)}`).reverse().join("");
          return <path key={k} class={`area h${k % HUES}`} d={`${path_of_line(upper)}${back}Z`} />;
        })}
        {!stacked && lines.flatMap((l, k) => l.values.map((v, i) => (v === null || known(l.values[i - 1]) || known(l.values[i + 1]) ? null : <circle key={`${k} ${i}`} class={`spot h${k % HUES}`} cx={x(i)} cy={y(v)} r={3.5} />)))}
        {at !== null && <path class="cursor" d={`M${x(at).toFixed(1)} ${TOP}V${HEIGHT - BOTTOM}`} />}
      </svg>
      <p class="plot-legend" aria-live="polite">
        <span class="muted">{times[shown] ? `${new Date(times[shown]!).toLocaleString(undefined, { dateStyle: "short", timeStyle: "short" })}` : ""}</span>
        {lines.map((l, k) => (
          <span key={l.name}>
            <i class={`key h${k % HUES}`} /> {visible(l.name, 60)} <b>{said(l.values[shown] ?? null)}</b>
          </span>
        ))}
      </p>
      <details>
        <summary class="muted">{w.plot_table}</summary>
        <div class="under-acts">
          <button type="button" class="quiet" onClick={save}>
            <Icon name="down" /> {words.export_csv}
          </button>
        </div>
        <div class="scroll plot-table" tabIndex={0} role="region" aria-label={`${label}, ${w.plot_table}`}>
          <table class="rows">
            <thead>
              <tr>
                <th scope="col">{w.plot_time}</th>
                {lines.map((l) => (
                  <th key={l.name} scope="col" class="num">
                    {visible(l.name, 60)}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {times
                .map((t, i) => [t, i] as const)
                .slice(-TABLE_MAX)
                .reverse()
                .map(([t, i]) => (
                  <tr key={t}>
                    <th scope="row">{new Date(t).toLocaleString(undefined, { dateStyle: "short", timeStyle: "short" })}</th>
                    {lines.map((l) => (
                      <td key={l.name} class="num">
                        {said(l.values[i] ?? null)}
                      </td>
                    ))}
                  </tr>
                ))}
            </tbody>
          </table>
        </div>
      </details>
    </div>
  );
}
