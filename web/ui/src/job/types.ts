// SPDX-License-Identifier: Apache-2.0
// types.ts - replies that only the parts of one job read.

import type { JobState } from "../types";

export interface GraphNode {
  job: number;
  name: string;
  user: string;
  state: JobState;
  tasks: number;
  succeeded: number;
  failed: number;
  running: number;
  distance: number;
  submitted_at: string;
  started_at: string | null;
  finished_at: string | null;
}

export interface GraphEdge {
  from: number;
  to: number;
  kind: "after" | "data";
  on: string | null;
  each: boolean;
  dataset: string | null;
}

export interface Graph {
  job: number;
  nodes: GraphNode[];
  edges: GraphEdge[];
  hidden: number;
  more: boolean;
}

export interface Bar {
  task: number;
  attempt: number;
  site: string | null;
  state: string;
  outcome: string | null;
  placed_at: string;
  started_at: string | null;
  ended_at: string | null;
}

export interface Timeline {
  items: Bar[];
  next: number | null;
}
