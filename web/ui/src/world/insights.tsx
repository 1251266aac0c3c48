// SPDX-License-Identifier: Apache-2.0
// insights.tsx - the grid's last days, each plot an answer to one question.

import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Command, Empty, Failure, Section, Text } from "../parts/basic";
import { curl_of } from "../parts/dialog";
import { Meter } from "../parts/bars";
import { use_dependent } from "../dependent";
import { bytes, count, visible } from "../format";
import { link } from "../live";
import { Link, query, query_set } from "../router";
import { words } from "../strings";
import { Plot, type Line } from "./plot";
import type { LinkInfo, QueueReply } from "./types";
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
const SITES_MAX = 12;

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

// Against what had to be moved, what tasks found where they ran: by time, and by site.
function Local({ of: i }: { of: Insight }) {
  const whole = (name: string): Series => {
    const some = i.series.filter((s) => s.name === name);
    return { name, unit: "bytes", site: null, values: i.times.map((_, k) => (some.some((s) => s.values[k] !== null && s.values[k] !== undefined) ? some.reduce((n, s) => n + (s.values[k] ?? 0), 0) : null)) };
  };
  const sites = [...new Set(i.series.map((s) => s.site).filter((s): s is string => s !== null))];
  const of = (site: string, name: string) => i.series.filter((s) => s.site === site && s.name === name).reduce((n, s) => n + total(s), 0);
  const read = total(whole("read"));
  const moved = total(whole("moved"));
  return (
    <>
      {read > 0 && <p class="muted">{w.local_lead(part(Math.max(0, 1 - moved / read)))}</p>}
      <Plot label={w.insights.local[1]} name="local" times={i.times} unit="bytes" lines={lines_of([whole("read"), whole("moved")], (s) => w.series[s.name] ?? s.name)} />
      <div class="scroll" tabIndex={0} role="region" aria-label={w.local_by_site}>
        <table class="rows">
          <thead>
            <tr>
              <th scope="col">{w.col_site}</th>
              <th scope="col" class="num">{w.local_rate}</th>
              <th scope="col" class="num">{w.local_moved}</th>
              <th scope="col" class="num">{w.local_share}</th>
            </tr>
          </thead>
          <tbody>
            {sites.slice(0, SITES_MAX).map((site) => (
              <tr key={site}>
                <th scope="row">
                  <Link to={`/sites/${encodeURIComponent(site)}`}>
                    <Text of={site} max={64} />
                  </Link>
                </th>
                <td class="num">{bytes(of(site, "read"))}</td>
                <td class="num">{bytes(of(site, "moved"))}</td>
                <td class="num">{of(site, "moved") ? w.local_times((of(site, "read") / of(site, "moved")).toFixed(1)) : w.local_all}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}

// What each project should get of the grid, beside what it used, as parts of the whole.
function Shares() {
  const { data } = use_dependent<QueueReply>("/v1/queue?limit=1", path_of_plot("jobs"));
  const some = (data?.projects ?? []).filter((p) => p.usage > 0 || p.waiting > 0 || p.running > 0);
  const share = some.reduce((n, p) => n + p.share, 0) || 1;
  const used = some.reduce((n, p) => n + p.usage, 0) || 1;
  return (
    <Section id="plot-shares" title={w.shares} aside={<span class="muted">{w.shares_question}</span>}>
      {some.length === 0 && <p class="muted plot-none">{w.shares_none}</p>}
      {some.slice(0, SITES_MAX).map((p, k) => (
        <div key={p.project ?? k} class="share-row">
          <b>
            <Text of={p.project ?? "–"} max={64} />
          </b>
          <Meter label={w.share_target} used={p.share} all={share} text={part(p.share / share)} />
          <Meter label={w.share_used} used={p.usage} all={used} text={part(p.usage / used)} />
        </div>
      ))}
    </Section>
  );
}

function LinkRates() {
  const { data } = use_dependent<{ items: LinkInfo[] }>("/v1/links?limit=1000", path_of_plot("bytes"));
  const known = (data?.items ?? []).filter((l) => l.rate !== null).sort((a, b) => b.rate! - a.rate!);
  const most = known[0]?.rate ?? 1;
  return (
    <Section id="plot-links" title={w.link_rates} aside={<span class="muted">{w.link_rates_question}</span>}>
      {known.length === 0 && <p class="muted plot-none">{w.link_rates_none}</p>}
      {known.slice(0, SITES_MAX).map((l) => (
        <Meter key={`${l.from} ${l.to}`} label={`${visible(l.from ?? "–", 30)} → ${visible(l.to ?? "–", 30)}`} used={l.rate!} all={most} text={`${bytes(l.rate)}/s`} />
      ))}
    </Section>
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
        <Frame plot="local">{(i) => <Local of={i} />}</Frame>
        <Frame plot="bytes">{(i) => <Plot label={w.insights.bytes[1]} name="bytes" times={i.times} unit="bytes" lines={lines_of([...i.series].sort((a, b) => total(b) - total(a)), (s) => s.site ?? w.all_sites)} stacked />}</Frame>
        <Frame plot="failures">{(i) => <Failures of={i} />}</Frame>
        <Frame plot="launch">{(i) => <Launch of={i} />}</Frame>
        <Frame plot="passes">{(i) => <Plot label={w.insights.passes[1]} name="passes" times={i.times} unit="seconds" lines={lines_of(i.series, (s) => w.series[s.name] ?? s.name)} />}</Frame>
        <Shares />
        <LinkRates />
      </div>
      <Empty title="">
        <p class="muted">{w.insights_lead}</p>
      </Empty>
    </div>
  );
}
