// SPDX-License-Identifier: Apache-2.0
// types.ts - the replies of the JSON API (docs/api.md), as far as the pages read them.
//
// Names, texts and sentences come from users, jobs and sites: they reach the page through <Text> only.

export type JobState = "accepted" | "active" | "succeeded" | "failed" | "cancelled";
export type TaskState = "blocked" | "ready" | "placed" | "succeeded" | "failed" | "cancelled";
export type Health = "unknown" | "up" | "suspect" | "down" | "probing";
export type Intent = "open" | "draining" | "closed";
export type Stream = "stdout" | "stderr";

export interface Me {
  name: string;
  role: "viewer" | "submitter" | "admin";
  projects: (string | { name: string })[];
  memberships?: { project: string; role: string }[];
  sites?: string[];
}

export interface Wait {
  reason: string;
  sentence: string;
  since?: string | null;
  until?: string | null;
}

export interface TaskCounts {
  total: number;
  blocked: number;
  ready: number;
  placed: number;
  running: number;
  succeeded: number;
  failed: number;
  cancelled: number;
}

export interface Asked {
  by: string;
  at: string;
}

export interface Reported {
  fraction: number | null;
  text: string;
  at: string;
}

export interface Pace {
  per_second: number | null;
  remaining: { low: number; high: number } | null;
}

export interface Job {
  id: number;
  name: string;
  project: string;
  user: string;
  state: JobState;
  wait: Wait | null;
  tasks: TaskCounts;
  first_task: number;
  last_task: number;
  array?: string | null;
  priority: number | null;
  held: Asked | null;
  cancelled: Asked | null;
  labels: Record<string, string>;
  submitted_at: string;
  started_at: string | null;
  finished_at: string | null;
  message: string | null;
  resources: Record<string, number | null>;
  sites: string[] | null;
  output_dataset: string | null;
  progress?: Reported | null;
  pace?: Pace | null;
}

export interface Queue {
  items: { position: number; job: number; tasks: number; alike: number }[];
}

// What an action on many jobs found.
export interface Matched {
  matched: number;
  more: boolean;
  jobs: number[];
  last: number | null;
  states: { accepted: number; active: number };
  running: number;
  cannot: { ended: number; already: number; unknown: number };
  cannot_jobs: CannotJob[];
}

export interface CannotJob {
  job: number;
  name: string | null;
  why: "ended" | "already" | "unknown";
  sentence: string;
}

export interface Warning {
  code: string;
  sentence: string;
  fix?: unknown;
}

export interface Submitted {
  id: number | null;
  tasks: number;
  state: string;
  warnings: Warning[];
  rerun_of?: number;
}

export interface Attempt {
  attempt: number;
  state: string;
  outcome: string | null;
  sentence: string | null;
  blame: string | null;
  code: number | null;
  signal: number | null;
  site: string | null;
  worker: number | null;
  host: string | null;
  placed_at: string | null;
  started_at: string | null;
  ended_at: string | null;
  wall: number | null;
  cpu_user: number | null;
  cpu_system: number | null;
  memory_peak: number | null;
  stdout_bytes: number | null;
  stderr_bytes: number | null;
  log_cut: boolean | null;
  message: string | null;
}

export interface Task {
  task: number;
  state: TaskState;
  wait: Wait | null;
  attempts: Attempt[];
  progress?: Reported | null;
}

// The states of an array's tasks, as runs of letters.
export interface Strip {
  from: number;
  to: number;
  runs: string;
  next: number | null;
}

export interface Page<T> {
  items: T[];
  next_cursor: string | null;
}

export interface Dropped {
  site: string;
  why: string;
}

export interface FunnelStep {
  step: string;
  sites: number;
  dropped?: Dropped[];
}

export interface Candidate {
  site: string;
  finish?: number;
  wait?: number;
  stage?: number;
  run?: number;
  out?: number;
  price?: number;
  penalty?: number;
  missing_bytes?: number;
  dropped?: string;
  why?: string;
}

export interface Placement {
  decision: number;
  at: string;
  first_task: number | null;
  site: string;
  sentence: string;
  candidates: Candidate[];
  chosen_for?: { task: number; attempt: number }[];
}

export interface Position {
  tasks_ahead: number;
  jobs_ahead: number;
  shape_ahead: number;
  behind: { job: number | null; project: string | null; tasks: number }[];
}

export interface Start {
  earliest: string | null;
  likely: string | null;
  latest: string | null;
  based_on: string;
}

export interface Help {
  change: Record<string, unknown> | null;
  sentence: string;
  sites: string[];
  start_in: number | null;
}

export interface Never {
  sentence: string;
  fix: Record<string, unknown> | null;
}

export interface Explain {
  state: string;
  sentence: string;
  can_ever_run: boolean;
  never?: Never | null;
  wait: {
    reason: string;
    since: string | null;
    sentence?: string;
    details?: Record<string, unknown>;
    position?: Position | null;
    start?: Start | null;
    funnel?: FunnelStep[];
    would_help?: (Help | string)[];
  } | null;
  history?: { reason: string; sentence: string; since: string; until: string | null }[];
  placements: Placement[];
  live?: boolean;
}

// What would happen to a job that is not submitted.
export interface Forecast {
  sentence: string;
  can_ever_run: boolean;
  never: Never | null;
  warnings: Warning[];
  reason: string | null;
  position: Position | null;
  start: Start | null;
  funnel: FunnelStep[];
  best: string | null;
  candidates: Candidate[];
  would_help: Help[];
}

export interface Dataset {
  name: string;
  project: string;
  state: "open" | "sealed";
  files: number;
  bytes: number;
  sites: string[];
}

export interface Output {
  task: number;
  path: string;
  size: number;
  sha256: string;
  site: string | null;
}

export interface Event {
  seq: number;
  at: string;
  kind: string;
  job: number | null;
  task: number | null;
  site: string | null;
  actor: string | null;
  text: string;
}

export interface Amounts {
  cpus?: number | null;
  memory?: number | null;
  gpus?: number | null;
  tasks?: number | null;
}

export interface Worker {
  id: number;
  host: string;
  user?: string;
  link: string;
  link_text: string | null;
  since?: string | null;
  hostname: string | null;
  cpus?: number | null;
  memory?: number | null;
  gpus?: number | null;
  disk_free: number | null;
  disk_total: number | null;
  memory_available?: number | null;
  load?: number | null;
  clock_skew_ms?: number | null;
  running: number | null;
  seen_at: string | null;
  intent?: "open" | "draining";
  intent_by?: string | null;
  intent_why?: string | null;
  used?: Amounts;
  offer?: Record<string, unknown>;
  machine?: string | null;
  features?: string[];
  version?: string | null;
}

export interface HostKey {
  hop: number;
  type: string;
  fingerprint: string;
  pinned: boolean;
}

export interface Host {
  address: string;
  port: number;
  jumps: string[];
  keys: HostKey[];
}

export interface Account {
  user: string;
  project: string | null;
  root: string | null;
  backend: string | null;
  public_key: string | null;
}

export interface Site {
  name: string;
  intent: Intent;
  intent_by?: string | null;
  intent_at?: string | null;
  intent_why?: string | null;
  health: Health;
  health_since?: string | null;
  health_text?: string | null;
  alarm?: string | null;
  max_tasks?: number | null;
  max_dials?: number | null;
  speed?: number;
  all_projects?: boolean;
  projects?: { name: string; max_cpus: number | null }[];
  hosts?: Host[];
  accounts?: Account[];
  workers?: Worker[];
  capacity?: Amounts | null;
  used?: Amounts | null;
  data?: { accept: boolean; quota: number | null; limit: number | null; used: number | null; evictable: number | null };
  labels?: string[];
  place?: { latitude: number; longitude: number; name: string | null } | null;
  created_at?: string;
}

// A question to a site, and what came of it.
export interface CallStep {
  name: string;
  state: string;
  ms: number;
  text: string | null;
  fix: string | null;
}

export interface SiteCall {
  id: number;
  kind: string;
  site: string;
  state: "queued" | "running" | "done" | "failed";
  asked_at: string;
  ended_at: string | null;
  steps: CallStep[];
  result: { ok?: boolean; backend?: string; fix?: string } | null;
  message: string | null;
}

export interface RunningTask {
  job: number;
  name: string;
  task: number;
  attempt: number;
  site: string;
  started_at: string | null;
  progress?: Reported | null;
}

export interface Engine {
  epoch: number | null;
  pass_ms: number | null;
  last_pass_at: string | null;
  leader: string | null;
  alive?: boolean;
}

export interface Overview {
  now: string;
  jobs: { accepted: number; active: number; held: number };
  tasks: { ready: number; running: number; succeeded_total: number; failed_total: number };
  sites: Site[];
  recent_jobs: Job[];
  running: RunningTask[];
  events: Event[];
  engine: Engine;
}

export interface Spec {
  command?: string[] | null;
  script?: string | null;
  args?: string[] | null;
  [field: string]: unknown;
}

export interface FieldError {
  pointer: string;
  detail: string;
}

export interface ProblemBody {
  title?: string;
  status?: number;
  code?: string;
  detail?: string;
  errors?: FieldError[];
}
