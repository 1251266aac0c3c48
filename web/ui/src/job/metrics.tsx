// SPDX-License-Identifier: Apache-2.0
// metrics.tsx - what the tasks of a job used beside what was asked for, with advice and the tasks that stand out.

import { path_of } from "../api";
import { Failure, Section } from "../parts/basic";
import { uses_of } from "../parts/used";
import { use_dependent } from "../dependent";
import { bytes, count, seconds } from "../format";
import { Link, query_with } from "../router";
import { words } from "../strings";
import type { Attempt, Job, Page, Spec, Task } from "../types";
import { bins_of, figures_of, memory_ask, time_ask } from "./figures";
import { w } from "./words";

const OVER = 1000; // ended tasks that are looked at
const BINS = 28;
const WIDTH = 560;
const HEIGHT = 72;
const STRAGGLER = 3; // times the median
const STRAGGLERS_MAX = 5;

interface Kind {
  what: string;
  of: (a: Attempt) => number | null;
  text: (v: number) => string;
  asked: number | null;
}

type Told = Attempt & { read_bytes?: number | null; write_bytes?: number | null };

const cpus_of = (a: Attempt) => (a.wall ? ((a.cpu_user ?? 0) + (a.cpu_system ?? 0)) / a.wall : null);

function Histogram({ values, kind }: { values: number[]; kind: Kind }) {
  const bins = bins_of(values, BINS, kind.asked ?? 0);
  const most = Math.max(...bins.counts);
  const step = WIDTH / BINS;
  const line = kind.asked === null ? null : (kind.asked / bins.to) * WIDTH;
  return (
    <svg class="histogram" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label={w.metrics_label(kind.what, count(values.length), kind.text(Math.min(...values)), kind.text(Math.max(...values)))}>
      {bins.counts.map((n, i) => n > 0 && <rect key={i} x={i * step + 1} width={step - 2} y={HEIGHT - Math.max(2, (n / most) * (HEIGHT - 4))} height={Math.max(2, (n / most) * (HEIGHT - 4))} />)}
      {line !== null && <line x1={Math.min(WIDTH - 1, line)} x2={Math.min(WIDTH - 1, line)} y1={0} y2={HEIGHT} />}
    </svg>
  );
}

function Row({ kind, attempts }: { kind: Kind; attempts: Told[] }) {
  const values = attempts.map(kind.of).filter((v): v is number => v !== null && Number.isFinite(v));
  const f = figures_of(values);
  if (!f) return null;
  return (
    <tr>
      <th scope="row">
        {kind.what}
        {values.length > 3 && <Histogram values={values} kind={kind} />}
      </th>
      <td class="num">{kind.text(f.min)}</td>
      <td class="num">{kind.text(f.median)}</td>
      <td class="num">{kind.text(f.p95)}</td>
      <td class="num">
        <b>{kind.text(f.max)}</b>
      </td>
      <td class="num">{kind.asked === null ? <span class="muted">–</span> : kind.text(kind.asked)}</td>
    </tr>
  );
}

function Stragglers({ of: tasks }: { of: { task: number; wall: number }[] }) {
  const f = figures_of(tasks.map((t) => t.wall));
  if (!f || f.n < 8) return null;
  const slow = tasks.filter((t) => t.wall > STRAGGLER * f.median && t.wall > 1).sort((a, b) => b.wall - a.wall);
  if (slow.length === 0) return null;
  return (
    <>
      <h3>{w.stragglers}</h3>
      <ul class="plain-list">
        {slow.slice(0, STRAGGLERS_MAX).map((t) => (
          <li key={t.task}>
            <Link to={query_with({ tab: "tasks", task: String(t.task), from: String(t.task) })}>{words.task_title(String(t.task))}</Link> {seconds(t.wall)}{" "}
            <span class="muted">{w.straggler((t.wall / f.median).toFixed(1))}</span>
          </li>
        ))}
      </ul>
    </>
  );
}

// What a clone would ask for: only what was asked for, or would have been wise to.
function better(j: Job, attempts: Attempt[], limit_s: number | null): Record<string, unknown> {
  const peak = Math.max(0, ...attempts.map((a) => a.memory_peak ?? 0));
  const wall = Math.max(0, ...attempts.map((a) => a.wall ?? 0));
  const busy = Math.max(0, ...attempts.map((a) => cpus_of(a) ?? 0));
  const cpus = j.resources["cpus"] ?? 1;
  return {
    resources: { ...(peak > 0 ? { memory: memory_ask(peak) } : {}), ...(cpus > 1 && wall > 10 ? { cpus: Math.max(1, Math.min(cpus, Math.ceil(busy))) } : {}) },
    ...(limit_s !== null ? { time_limit: time_ask(wall) } : {}),
  };
}

export function MetricsTab({ of: j }: { of: Job }) {
  const ended = j.tasks.succeeded + j.tasks.failed;
  const ask = (state: string, n: number) => (n ? path_of(`/v1/jobs/${j.id}/tasks`, { state, limit: OVER }) : null);
  const good = use_dependent<Page<Task>>(ask("succeeded", j.tasks.succeeded), ended);
  const bad = use_dependent<Page<Task>>(ask("failed", j.tasks.failed), ended);
  const { data: spec } = use_dependent<Spec>(`/v1/jobs/${j.id}/spec`, null);
  const tasks = [...(good.data?.items ?? []), ...(bad.data?.items ?? [])];
  const attempts = tasks.flatMap((t) => t.attempts.slice(0, 1)) as Told[];
  const limit_ms = typeof spec?.["time_limit_ms"] === "number" ? spec["time_limit_ms"] : null;
  const kinds: Kind[] = [
    { what: w.metrics_wall, of: (a) => a.wall, text: seconds, asked: limit_ms === null ? null : limit_ms / 1000 },
    { what: w.metrics_memory, of: (a) => a.memory_peak, text: bytes, asked: j.resources["memory"] ?? null },
    { what: w.metrics_cpus, of: cpus_of, text: (v) => v.toFixed(2), asked: j.resources["cpus"] ?? 1 },
    { what: w.metrics_read, of: (a) => (a as Told).read_bytes ?? null, text: bytes, asked: null },
    { what: w.metrics_write, of: (a) => (a as Told).write_bytes ?? null, text: bytes, asked: null },
  ];
  const advice = uses_of(j, attempts, limit_ms).map((u) => u.advice).filter((a): a is string => a !== null);
  const problem = good.problem ?? bad.problem;
  const walls = tasks.flatMap((t) => (t.attempts[0]?.wall ? [{ task: t.task, wall: t.attempts[0].wall }] : []));
  return (
    <Section id="metrics" title={w.metrics}>
      {problem && <Failure problem={problem} />}
      {attempts.length === 0 ? (
        <p class="muted">{ended && !problem ? words.loading : w.metrics_none}</p>
      ) : (
        <>
          <p class="muted">{w.metrics_over(count(attempts.length), count(ended))}</p>
          <div class="scroll" tabIndex={0} role="region" aria-label={words.tab_metrics}>
            <table class="rows metrics">
              <thead>
                <tr>
                  <th scope="col">{w.col_what}</th>
                  <th scope="col" class="num">{w.col_min}</th>
                  <th scope="col" class="num">{w.col_median}</th>
                  <th scope="col" class="num">{w.col_p95}</th>
                  <th scope="col" class="num">{w.col_max}</th>
                  <th scope="col" class="num">{w.col_asked}</th>
                </tr>
              </thead>
              <tbody>
                {kinds.map((k) => (
                  <Row key={k.what} kind={k} attempts={attempts} />
                ))}
              </tbody>
            </table>
          </div>
          {advice.length > 0 && (
            <>
              <h3>{w.advice}</h3>
              <ul class="advice">
                {advice.map((a) => (
                  <li key={a}>{a}</li>
                ))}
              </ul>
              <p>
                <Link to={`/submit?from=${j.id}&fix=${encodeURIComponent(JSON.stringify(better(j, attempts, limit_ms === null ? null : limit_ms / 1000)))}`} class="button">
                  {w.advice_clone}
                </Link>
              </p>
            </>
          )}
          <Stragglers of={walls} />
        </>
      )}
    </Section>
  );
}
