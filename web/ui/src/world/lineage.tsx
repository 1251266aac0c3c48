// SPDX-License-Identifier: Apache-2.0
// lineage.tsx - what a dataset was made from and what was made from it, drawn in columns and told as a list.

import { useEffect, useMemo, useRef } from "preact/hooks";
import { Failure, JobState, Section, Text } from "../parts/basic";
import { use_dependent } from "../dependent";
import { bytes, count, visible } from "../format";
import { go, Link, query, query_set } from "../router";
import { words } from "../strings";
import { DataState, data_path } from "./datasets";
import type { DataOne, LineageNode, LineageReply } from "./types";
import { w } from "./words";

const BOX = { width: 160, height: 38 };
const GAP = { x: 36, y: 12 };
const PAD = 4;
const LETTERS = 20; // that fit into a box
const DRAWN_MAX = 120; // more boxes than this are a list only

interface Spot {
  node: LineageNode;
  x: number;
  y: number;
}

// Columns by level; within one, nodes stand near those that they hang on.
export function lineage_layout(reply: Pick<LineageReply, "nodes" | "edges">): { spots: Map<string, Spot>; width: number; height: number } {
  const levels = [...new Set(reply.nodes.map((n) => n.level))].sort((a, b) => a - b);
  const columns = levels.map((l) => reply.nodes.filter((n) => n.level === l));
  const around = new Map<string, string[]>();
  for (const e of reply.edges) {
    around.set(e.from, [...(around.get(e.from) ?? []), e.to]);
    around.set(e.to, [...(around.get(e.to) ?? []), e.from]);
  }
  const rank = new Map<string, number>();
  for (const column of columns) column.forEach((n, i) => rank.set(n.id, i - (column.length - 1) / 2));
  const mean = (n: LineageNode) => {
    const near = (around.get(n.id) ?? []).map((id) => rank.get(id) ?? 0);
    return near.length ? near.reduce((a, b) => a + b, 0) / near.length : (rank.get(n.id) ?? 0);
  };
  for (let sweep = 0; sweep < 4; sweep++) {
    for (const column of sweep % 2 ? [...columns].reverse() : columns) {
      const wanted = new Map(column.map((n) => [n.id, mean(n)]));
      column.sort((a, b) => wanted.get(a.id)! - wanted.get(b.id)!);
      column.forEach((n, i) => rank.set(n.id, i - (column.length - 1) / 2));
    }
  }
  const most = Math.max(1, ...columns.map((c) => c.length));
  const height = most * (BOX.height + GAP.y) - GAP.y + 2 * PAD;
  const spots = new Map<string, Spot>();
  columns.forEach((column, c) =>
    column.forEach((node, i) => {
      const offset = (height - (column.length * (BOX.height + GAP.y) - GAP.y)) / 2;
      spots.set(node.id, { node, x: PAD + c * (BOX.width + GAP.x), y: offset + i * (BOX.height + GAP.y) });
    }),
  );
  return { spots, width: 2 * PAD + columns.length * (BOX.width + GAP.x) - GAP.x, height };
}

const address = (n: LineageNode) => (n.kind === "job" ? `/jobs/${n.job}` : data_path(n.name));
const short = (text: string) => (text.length > LETTERS ? `${text.slice(0, LETTERS - 1)}…` : text);

function Box({ of: s, own }: { of: Spot; own: boolean }) {
  const n = s.node;
  const name = visible(n.kind === "job" ? `${n.job} ${n.name}` : n.name, 100);
  const more = n.kind === "job" ? visible(`${n.state}${n.user ? `, ${n.user}` : ""}`, 60) : bytes(n.bytes);
  const follow = (e: MouseEvent) => {
    if (e.button !== 0 || e.metaKey || e.ctrlKey || e.shiftKey) return;
    e.preventDefault();
    go(address(n));
  };
  return (
    <a href={address(n)} class={`lineage-box ${n.kind} ${own ? "own" : ""}`} onClick={follow}>
      <title>{`${n.kind === "job" ? w.node_job : w.node_dataset} ${name}, ${more}`}</title>
      <rect x={s.x} y={s.y} width={BOX.width} height={BOX.height} rx={n.kind === "job" ? 19 : 6} />
      <text x={s.x + 14} y={s.y + 16}>
        {short(name)}
      </text>
      <text x={s.x + 14} y={s.y + 30} class="more">
        {short(more)}
      </text>
    </a>
  );
}

function Drawing({ of: reply }: { of: LineageReply }) {
  const { spots, width, height } = useMemo(() => lineage_layout(reply), [reply]);
  const frame = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const own = [...spots.values()].find((s) => s.node.level === 0);
    const f = frame.current;
    if (own && f) f.scrollTo(own.x + BOX.width / 2 - f.clientWidth / 2, own.y + BOX.height / 2 - f.clientHeight / 2);
  }, [spots]);
  return (
    <div ref={frame} class="scroll lineage" tabIndex={0} role="region" aria-label={w.lineage_label}>
      <svg width={width} height={height} viewBox={`0 0 ${width} ${height}`}>
        {reply.edges.map((e) => {
          const [a, b] = [spots.get(e.from), spots.get(e.to)];
          if (!a || !b) return null;
          const [x1, y1, x2, y2] = [a.x + BOX.width, a.y + BOX.height / 2, b.x, b.y + BOX.height / 2];
          const bend = Math.max(24, Math.abs(x2 - x1) / 2);
          return <path key={`${e.from} ${e.to}`} class="edge" d={`M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`} />;
        })}
        {[...spots.values()].map((s) => (
          <Box key={s.node.id} of={s} own={s.node.kind === "dataset" && s.node.level === 0} />
        ))}
      </svg>
    </div>
  );
}

function Twin({ of: reply }: { of: LineageReply }) {
  const by_id = new Map(reply.nodes.map((n) => [n.id, n]));
  const names = (ids: string[]) => ids.flatMap((id) => by_id.get(id) ?? []).slice(0, 12);
  const nodes = [...reply.nodes].sort((a, b) => a.level - b.level);
  return (
    <ul class="lineage-list">
      {nodes.map((n) => {
        const from = names(reply.edges.filter((e) => e.to === n.id).map((e) => e.from));
        return (
          <li key={n.id}>
            <Link to={address(n)}>
              <Text of={n.kind === "job" ? `${n.job} ${n.name}` : n.name} max={120} />
            </Link>
            {n.kind === "job" ? <JobState of={{ state: n.state, tasks: { placed: 1 } }} /> : <DataState of={n.state} />}
            {from.length > 0 && (
              <span class="muted">
                {w.lineage_from} <Text of={from.map((f) => (f.kind === "job" ? `${w.node_job} ${f.job}` : f.name)).join(", ")} max={300} />
              </span>
            )}
          </li>
        );
      })}
    </ul>
  );
}

export function Lineage({ of: d }: { of: DataOne }) {
  const depth = Math.max(1, Math.min(10, Number(query.value.get("depth")) || 3));
  const { data: reply, problem } = use_dependent<LineageReply>(`/v1/datasets/${encodeURIComponent(d.name)}/lineage?depth=${depth}`, `${d.state}${(d.used_by ?? []).map((u) => `${u.job}${u.state}`).join()}`);
  return (
    <Section
      id="lineage"
      title={w.lineage}
      aside={
        <label class="inline-field">
          {w.lineage_depth}
          <select value={String(depth)} onChange={(e) => query_set({ depth: e.currentTarget.value === "3" ? null : e.currentTarget.value })}>
            {[1, 2, 3, 5, 10].map((n) => (
              <option key={n} value={String(n)}>
                {n}
              </option>
            ))}
          </select>
        </label>
      }
    >
      {problem && <Failure problem={problem} />}
      {!reply && !problem && <p class="muted">{words.loading}</p>}
      {reply && reply.nodes.length <= 1 && <p class="muted">{w.lineage_none}</p>}
      {reply && reply.nodes.length > 1 && (
        <>
          {reply.nodes.length <= DRAWN_MAX && <Drawing of={reply} />}
          {reply.more && <p class="muted">{w.lineage_more(count(reply.nodes.length))}</p>}
          <details open={reply.nodes.length > DRAWN_MAX}>
            <summary>{w.lineage_list}</summary>
            <Twin of={reply} />
          </details>
        </>
      )}
    </Section>
  );
}
