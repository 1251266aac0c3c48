// SPDX-License-Identifier: Apache-2.0
// types.ts - replies of the API about data, links, the queue and the grid's history (docs/api.md), as far as pages read them.

import type { Amounts, Wait } from "../types";

export interface Place {
  site: string;
  root: string | null;
  files: number;
  bytes: number;
  missing: number;
  complete: boolean;
  copy: boolean;
  suspect: boolean;
  used_at: string | null;
  checked_at: string | null;
  pinned_by: string | null;
  pinned_at: string | null;
}

export interface Policy {
  sites: string[];
  labels: string[];
  by: string | null;
}

// How files that are sent, listed or fetched come into being.
export interface Arrival {
  kind: "upload" | "import" | "fetch";
  state: "filling" | "waiting" | "moving" | "failed";
  site: string | null;
  files: number;
  bytes: number;
  received_files: number;
  received_bytes: number;
  moved_bytes: number;
  transfer: number | null;
  message: string | null;
  expires_at: string | null;
}

export interface DataInfo {
  name: string;
  base?: string;
  version?: number;
  arrival?: Arrival | null;
  project: string;
  state: "open" | "sealed";
  files: number;
  bytes: number;
  made_by: string | null;
  made_at: string;
  job: number | null;
  sealed_at: string | null;
  expires_at?: string | null;
  policy?: Policy | null;
  sites: string[];
}

export interface DataOne extends Omit<DataInfo, "sites"> {
  sites: Place[];
  lineage?: { job: number; name: string; user: string | null; state: string; inputs: string[] } | null;
  used_by?: { job: number; name: string; user: string | null; state: string; submitted_at: string }[];
  reads?: { last_at: string | null; jobs: number; more: boolean; days: { day: string; jobs: number; tasks: number }[] } | null;
}

export interface LineageNode {
  id: string;
  kind: "dataset" | "job";
  name: string;
  level: number;
  state: string;
  job?: number;
  user?: string | null;
  files?: number;
  bytes?: number;
  at?: string | null;
}

export interface LineageReply {
  dataset: string;
  depth: number;
  more: boolean;
  nodes: LineageNode[];
  edges: { from: string; to: string }[];
}

export interface WhereRow {
  site: string;
  state: "complete" | "coming" | "part" | "none";
  bytes: number;
  missing: number;
  seconds: number | null;
  from: string | null;
  allowed: boolean;
  sentence: string;
}

export interface Where {
  dataset: string;
  bytes: number;
  live: boolean;
  items: WhereRow[];
}

export interface FileRow {
  path: string;
  size: number;
  sha256: string | null;
  task: number | null;
  received?: number | null;
}

export interface Transfer {
  id: number;
  dataset: string;
  from: string | null;
  to: string | null;
  state: string;
  why: string;
  asked_by: string | null;
  files: number;
  bytes: number;
  total: number;
  rate: number | null;
  eta: number | null;
  tries: number;
  asked_at: string;
  started_at: string | null;
  ended_at: string | null;
  not_before: string | null;
  way: string | null;
  message: string | null;
}

export interface LinkInfo {
  from: string | null;
  to: string | null;
  rate: number | null;
  latency: number | null;
  weight: number;
  learned_at: string | null;
  budget: number | null;
  max_active: number | null;
  from_budget?: number | null;
  from_max_active?: number | null;
  to_budget?: number | null;
  to_max_active?: number | null;
  direct: boolean | null;
  transfers: number;
  bytes: number;
  active: number;
  promised: number;
}

export interface QueueProject {
  project: string | null;
  share: number;
  usage: number;
  score: number;
  waiting: number;
  running: number;
  jobs: number;
  max_cpus: number | null;
  max_tasks: number | null;
  used: Amounts;
}

export interface QueueItem {
  position: number;
  project: string;
  job: number;
  name: string;
  user: string;
  tasks: number;
  priority: number;
  held: boolean;
  alike: number;
  wait: Wait | null;
}

export interface QueueReply {
  projects: QueueProject[];
  items: QueueItem[];
  waiting: { jobs: number; tasks: number };
  more: boolean;
}
