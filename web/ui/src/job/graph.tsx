// SPDX-License-Identifier: Apache-2.0
// graph.tsx - what a job waits for and reads, and what waits for it: drawn, and as a list that says the same.

import { useMemo, useState } from "preact/hooks";
import { Badge, Empty, Failure, Section, Text } from "../parts/basic";
import { use_dependent } from "../dependent";
import { count, seconds, visible } from "../format";
import { tick } from "../live";
import { Link } from "../router";
import { words } from "../strings";
import type { Job } from "../types";
import { GraphCanvas, state_of } from "./graph_canvas";
import { drawing_of, type Drawing } from "./groups";
import { longest_chain } from "./layout";
import type { Graph, GraphEdge, GraphNode } from "./types";
import { w } from "./words";

const GROUP_FROM = 300; // more jobs than this are put together where they are alike
const LIST_FIRST = 50;
const LIST_MAX = 5000;

const took = (n: GraphNode) => (n.started_at ? Math.max(0, ((n.finished_at ? Date.parse(n.finished_at) : tick.peek()) - Date.parse(n.started_at)) / 1000) : 0);

const where = (d: number) => (d === 0 ? w.graph_here : d < 0 ? w.graph_up(-d) : w.graph_down(d));

function Standing({ of: n }: { of: GraphNode }) {
  const { icon, tone, word } = state_of({ label: "", jobs: [n] });
  return (
    <Badge icon={icon} tone={tone}>
      {word}
    </Badge>
  );
}

function how(e: GraphEdge): string {
  if (e.kind === "data") return w.graph_reads(visible(e.dataset ?? "", 60));
  return w.graph_on[e.on ?? "ok"] ?? "";
}

function List({ of: g }: { of: Graph }) {
  const [all, set_all] = useState(false);
  const waits = useMemo(() => {
    const m = new Map<number, GraphEdge[]>();
    for (const e of g.edges) m.set(e.to, [...(m.get(e.to) ?? []), e]);
    return m;
  }, [g]);
  const sorted = useMemo(() => [...g.nodes].sort((a, b) => a.distance - b.distance || a.job - b.job), [g]);
  const near = all ? sorted.slice(0, LIST_MAX) : [...sorted].sort((a, b) => Math.abs(a.distance) - Math.abs(b.distance)).slice(0, LIST_FIRST).sort((a, b) => a.distance - b.distance || a.job - b.job);
  return (
    <div class="scroll">
      <table class="rows graph-list">
        <caption class="unseen">{w.graph_list}</caption>
        <thead>
          <tr>
            <th scope="col">{words.col_job}</th>
            <th scope="col">{words.col_state}</th>
            <th scope="col">{w.graph_distance}</th>
            <th scope="col">{w.graph_waits}</th>
          </tr>
        </thead>
        <tbody>
          {near.map((n) => (
            <tr key={n.job} class={n.distance === 0 ? "chosen" : ""}>
              <td>
                <Link to={`/jobs/${n.job}?tab=graph`}>
                  {n.job} <Text of={n.name} max={60} />
                </Link>
              </td>
              <td>
                <Standing of={n} />
              </td>
              <td class="muted">{where(n.distance)}</td>
              <td>
                {(waits.get(n.job) ?? []).slice(0, 8).map((e) => (
                  <span key={`${e.from} ${e.kind}`} class="waits-for">
                    <Link to={`/jobs/${e.from}?tab=graph`}>{e.from}</Link> <span class="muted">{how(e)}</span>
                  </span>
                ))}
                {(waits.get(n.job)?.length ?? 0) > 8 && " …"}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {near.length < sorted.length && !all && (
        <button type="button" class="more" onClick={() => set_all(true)}>
          {w.list_more(count(sorted.length))}
        </button>
      )}
    </div>
  );
}

function find(d: Drawing, term: string): number[] {
  const t = term.trim().toLowerCase();
  if (!t) return [];
  return d.nodes.flatMap((n, i) => (n.jobs.some((j) => String(j.job) === t || (t.length > 1 && j.name.toLowerCase().includes(t))) ? [i] : []));
}

function Drawn({ of: g }: { of: Graph }) {
  const [together, set_together] = useState(g.nodes.length > GROUP_FROM);
  const [critical, set_critical] = useState(false);
  const [term, set_term] = useState("");
  const [at, set_at] = useState(0);
  const drawing = useMemo(() => drawing_of(g, together), [g, together]);
  const here = drawing.nodes.findIndex((n) => n.jobs[0]!.job === g.job);
  const chain = useMemo(() => longest_chain(drawing.nodes.length, drawing.edges, (i) => Math.max(...drawing.nodes[i]!.jobs.map(took))), [drawing]);
  const found = useMemo(() => find(drawing, term), [drawing, term]);
  const now = found.length ? found[at % found.length]! : -1;
  const lit = new Set(now >= 0 ? [now] : critical ? chain.chain : []);
  const links = new Set(critical ? chain.chain.slice(1).map((v, i) => `${chain.chain[i]} ${v}`) : []);
  const found_name = now >= 0 ? visible(drawing.nodes[now]!.label, 60) : "";
  return (
    <>
      <div class="tools">
        <form
          class="find"
          role="search"
          onSubmit={(e) => {
            e.preventDefault();
            set_at(at + 1);
          }}
        >
          <input type="search" aria-label={w.graph_find} placeholder={w.graph_find} maxLength={100} value={term} onInput={(e) => (set_term(e.currentTarget.value), set_at(0))} />
          {term.trim() && (
            <span class="muted" aria-live="polite">
              {w.graph_found(found.length, found_name)}
            </span>
          )}
        </form>
        {g.nodes.length > 8 && (
          <label class="check">
            <input type="checkbox" checked={together} onChange={(e) => set_together(e.currentTarget.checked)} />
            {w.graph_group}
          </label>
        )}
        <label class="check">
          <input type="checkbox" checked={critical} onChange={(e) => set_critical(e.currentTarget.checked)} />
          {w.graph_critical}
        </label>
        {critical && <span class="muted">{w.graph_critical_is(seconds(chain.weight), chain.chain.length)}</span>}
      </div>
      <GraphCanvas drawing={drawing} here={here} lit={lit} chain={links} label={w.graph_label(count(g.nodes.length), count(g.edges.length))} />
    </>
  );
}

export function GraphTab({ of: j }: { of: Job }) {
  const { data: g, problem } = use_dependent<Graph>(`/v1/jobs/${j.id}/graph`, j);
  // The same graph again must not be laid out again: what may be moved under the reader's pointer stays.
  const text = g ? JSON.stringify(g) : "";
  const kept = useMemo(() => g, [text]);
  return (
    <Section id="graph" title={w.graph}>
      {problem && <Failure problem={problem} />}
      {!kept && !problem && <p class="empty">{words.loading}</p>}
      {kept && kept.nodes.length === 1 && kept.edges.length === 0 && (
        <Empty title={w.graph_alone}>
          <p class="muted">{w.graph_alone_fix}</p>
        </Empty>
      )}
      {kept && kept.nodes.length > 1 && (
        <>
          <Drawn key={kept.job} of={kept} />
          <h3>{w.graph_list}</h3>
          <List of={kept} />
        </>
      )}
      {kept && kept.hidden > 0 && <p class="muted">{w.graph_hidden(count(kept.hidden))}</p>}
      {kept?.more && <p class="muted">{w.graph_more}</p>}
    </Section>
  );
}
