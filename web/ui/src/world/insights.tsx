// SPDX-License-Identifier: Apache-2.0
// insights.tsx - the grid's last days, each plot an answer to one question.

import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Command, Empty, Failure, Section, Text } from "../parts/basic";
import { curl_of } from "../parts/dialog";
import { use_dependent } from "../dependent";
import { count, visible } from "../format";
import { link } from "../live";
import { Link, query, query_set } from "../router";
import { words } from "../strings";
import { Plot, type Line } from "./plot";
import { w } from "./words";

interface Series {
  name: string;
  unit: string;
  site: string | null;
  values: (number | null)[];
}
interface Insight {
  plot: string;
  from: string;
  to: string;
  step: number;
  times: string[];
  series: Series[];
}

const RANGES = ["1h", "6h", "1d", "7d", "14d"];
const PACE_MS = 60_000; // asked again this often
const LINES_MAX = 6;

const total = (s: Series) => s.values.reduce((n: number, v) => n + (v ?? 0), 0);
const part = (v: number | null) => (v === null ? "–" : `${Math.round(100 * v)} %`);
// That a site was idle is something to tell; that nothing failed is not.
const empty = (i: Insight) => i.series.every((s) => s.values.every((v) => v === null || (v === 0 && i.plot !== "use")));

function path_of_plot(plot: string): string {
  const range = RANGES.includes(query.value.get("range") ?? "") ? query.value.get("range")! : "1d";
  return `/v1/insights/${plot}?range=${range}`;
}

function Frame({ plot, children }: { plot: keyof typeof w.insights; children: (i: Insight) => ComponentChildren }) {
  const path = path_of_plot(plot);
  const [turn, set_turn] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => document.hidden || set_turn((t) => t + 1), PACE_MS);
    return () => clearInterval(timer);
  }, []);
  const { data, problem } = use_dependent<Insight>(path, `${path} ${turn}`);
  const [title, question] = w.insights[plot];
  return (
    <Section id={`plot-${plot}`} title={title} aside={<span class="muted">{question}</span>}>
      {problem && <Failure problem={problem} />}
      {!data && !problem && <p class="muted">{words.loading}</p>}
      {data && (empty(data) ? <p class="muted plot-none">{w.insight_none}</p> : children(data))}
      <details class="elsewhere">
        <summary>{words.elsewhere}</summary>
        <Command line={curl_of({ method: "GET", path })} />
      </details>
    </Section>
  );
}

const lines_of = (series: Series[], name: (s: Series) => string): Line[] => series.slice(0, LINES_MAX).map((s) => ({ name: name(s), values: s.values }));

function Use({ of: i }: { of: Insight }) {
  const rows = i.series.filter((s) => s.site !== null);
  const mean = (s: Series) => {
    const known = s.values.filter((v): v is number => v !== null);
    return known.length ? known.reduce((a, b) => a + b, 0) / known.length : null;
  };
  return (
    <div class="heat-rows">
      {rows.map((s) => (
        <div key={s.site} class="heat-row">
          <Link to={`/sites/${encodeURIComponent(s.site!)}`}>
            <Text of={s.site} max={40} />
          </Link>
          <div class="heat-cells" role="img" aria-label={w.use_label(visible(s.site!, 40), part(mean(s)))}>
            {s.values.map((v, k) => (
              <i key={k} class={v === null ? "none" : `u${Math.min(5, Math.ceil(5 * v))}`} title={`${new Date(i.times[k]!).toLocaleString()}: ${part(v)}`} />
            ))}
          </div>
          <b class="num">{part(mean(s))}</b>
        </div>
      ))}
      <p class="muted small heat-legend">
        {w.use_legend} {["0 %", "20 %", "40 %", "60 %", "80 %", "100 %"].map((t, k) => (
          <span key={t}>
            <i class={`u${k}`} /> {t}
          </span>
        ))}
      </p>
    </div>
  );
}

// Counts of what failed, sites by outcomes.
function Failures({ of: i }: { of: Insight }) {
  const outcomes = [...new Set(i.series.map((s) => s.name))];
  const sites = [...new Set(i.series.map((s) => s.site).filter((s): s is string => s !== null))];
  const by_pair = new Map(i.series.map((s) => [`${s.site}\n${s.name}`, total(s)]));
  const most = Math.max(1, ...by_pair.values());
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={w.insights.failures[1]}>
      <table class="rows matrix">
        <thead>
          <tr>
            <th scope="col">{w.col_site}</th>
            {outcomes.map((o) => (
              <th key={o} scope="col">
                {visible(o.replaceAll("_", " "), 30)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {sites.map((site) => (
            <tr key={site}>
              <th scope="row">
                <Link to={`/sites/${encodeURIComponent(site)}`}>
                  <Text of={site} max={64} />
                </Link>
              </th>
              {outcomes.map((o) => {
                const n = by_pair.get(`${site}\n${o}`) ?? 0;
                return (
                  <td key={o} class={n ? `f${Math.max(1, Math.ceil((4 * Math.log1p(n)) / Math.log1p(most)))}` : "zero"}>
                    {n ? count(n) : "0"}
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

// By site, how long a start took: the last known figures, and the course of the slowest.
function Launch({ of: i }: { of: Insight }) {
  const p95 = i.series.filter((s) => s.name === "p95").sort((a, b) => total(b) - total(a));
  return <Plot label={w.insights.launch[1]} name="launch" times={i.times} unit="seconds" lines={lines_of(p95, (s) => `${s.site ?? w.all_sites}`)} />;
}

export function Insights() {
  useEffect(() => {
    document.title = `${words.insights} – ${words.product}`;
    link.value = { state: "idle" };
  }, []);
  const range = RANGES.includes(query.value.get("range") ?? "") ? query.value.get("range")! : "1d";
  return (
    <div class="home insights">
      <header class="insights-head">
        <h1>{words.insights}</h1>
        <div class="tabs" role="group" aria-label={w.range}>
          {RANGES.map((r) => (
            <button key={r} type="button" aria-pressed={r === range} onClick={() => query_set({ range: r === "1d" ? null : r })}>
              {w.ranges[r]}
            </button>
          ))}
        </div>
      </header>
      <div class="plots">
        <Frame plot="jobs">{(i) => <Plot label={w.insights.jobs[1]} name="jobs" stacked times={i.times} unit="count" lines={lines_of(i.series.filter((s) => s.name === "running" || s.name === "ready").sort((a, b) => b.name.localeCompare(a.name)), (s) => w.series[s.name] ?? s.name)} />}</Frame>
        <Frame plot="waits">{(i) => <Plot label={w.insights.waits[1]} name="waits" times={i.times} unit="seconds" lines={lines_of(i.series, (s) => w.series[s.name] ?? s.name)} />}</Frame>
        <Frame plot="use">{(i) => <Use of={i} />}</Frame>
        <Frame plot="bytes">{(i) => <Plot label={w.insights.bytes[1]} name="bytes" times={i.times} unit="bytes" lines={lines_of([...i.series].sort((a, b) => total(b) - total(a)), (s) => s.site ?? w.all_sites)} stacked />}</Frame>
        <Frame plot="failures">{(i) => <Failures of={i} />}</Frame>
        <Frame plot="launch">{(i) => <Launch of={i} />}</Frame>
      </div>
      <Empty title="">
        <p class="muted">{w.insights_lead}</p>
      </Empty>
    </div>
  );
}
