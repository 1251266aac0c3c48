// SPDX-License-Identifier: Apache-2.0
// groups.ts - jobs of a large graph that look alike, put together: same name but for its numbers, same state, waiting
// for the same. Pure.

import type { Graph, GraphNode } from "./types";

export interface Drawn {
  label: string;
  jobs: GraphNode[]; // one, or those of a group
}

export interface Drawing {
  nodes: Drawn[];
  edges: [number, number][];
  data: boolean[]; // of each edge: something is read over it
}

const GROUP_MIN = 4;

const stem = (name: string) => name.replace(/\d+/g, "#");

// Which others each hangs on, as a text: those whose text is the same stand in the same place of the graph.
function signatures(g: Graph): Map<number, string> {
  const up = new Map<number, Set<string>>();
  const down = new Map<number, Set<string>>();
  const name = new Map(g.nodes.map((n) => [n.job, stem(n.name)]));
  const put = (m: Map<number, Set<string>>, job: number, what: string) => {
    const s = m.get(job);
    if (s) s.add(what);
    else m.set(job, new Set([what]));
  };
  for (const e of g.edges) {
    put(up, e.to, name.get(e.from) ?? "");
    put(down, e.from, name.get(e.to) ?? "");
  }
  const text = (s: Set<string> | undefined) => [...(s ?? [])].sort().join("\u0001");
  return new Map(g.nodes.map((n) => [n.job, [name.get(n.job), n.state, n.distance, text(up.get(n.job)), text(down.get(n.job))].join("\u0002")]));
}

export function drawing_of(g: Graph, together: boolean): Drawing {
  const alike = new Map<string, GraphNode[]>();
  const sign = together ? signatures(g) : null;
  for (const n of g.nodes) {
    const key = sign && n.job !== g.job ? sign.get(n.job)! : String(n.job);
    const list = alike.get(key);
    if (list) list.push(n);
    else alike.set(key, [n]);
  }
  const nodes: Drawn[] = [];
  const at = new Map<number, number>();
  for (const list of alike.values()) {
    for (const part of list.length >= GROUP_MIN ? [list] : list.map((n) => [n])) {
      for (const n of part) at.set(n.job, nodes.length);
      nodes.push({ label: part.length > 1 ? stem(part[0]!.name) : part[0]!.name, jobs: part });
    }
  }
  const known = new Map<string, number>();
  const edges: [number, number][] = [];
  const data: boolean[] = [];
  for (const e of g.edges) {
    const [a, b] = [at.get(e.from), at.get(e.to)];
    if (a === undefined || b === undefined || a === b) continue;
    const key = `${a} ${b}`;
    const i = known.get(key);
    if (i !== undefined) {
      data[i] ||= e.kind === "data";
      continue;
    }
    known.set(key, edges.length);
    edges.push([a, b]);
    data.push(e.kind === "data");
  }
  return { nodes, edges, data };
}
