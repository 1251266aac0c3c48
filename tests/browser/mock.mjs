// SPDX-License-Identifier: Apache-2.0
// mock.mjs - a server of canned answers that follows docs/api.md, for what a real grid does not show on demand:
// hostile names, a thousand jobs, a site that is down, logs with a hole, a server that goes silent.
//
//   node mock.mjs UIDIR [PORT]     serve it by hand; prints the address
//
// `scene` is what a test changes while the page looks on.
import { createServer } from "node:http";
import { readFileSync, readdirSync, existsSync } from "node:fs";
import { join } from "node:path";
import { createHash } from "node:crypto";
import { people_public, people_routes, people_scene } from "./mock_people.mjs";
import { places, world_routes, world_scene } from "./mock_world.mjs";
import { writing_routes, writing_scene } from "./mock_writing.mjs";

export const CSP =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; " +
  "worker-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'";

export const TOKEN = "reeve_" + "t".repeat(43);
export const CODE = "one-time-code";
export const PASSWORD = "correct horse battery";
const COOKIE = "reeve=session";

const HOSTILE = '<img src=x onerror=alert(1)>"\'\u202egnp.exe\u0007\u001b[31m&amp;{{7*7}}';
let START = Date.now(); // of the scene: a page that is looked at late in a long run shows the same spans
const at = (s) => new Date(START - s * 1000).toISOString();
const MIB = 1024 ** 2;
const GIB = 1024 ** 3;

function counts(t) {
  const none = { total: 0, blocked: 0, ready: 0, placed: 0, running: 0, succeeded: 0, failed: 0, cancelled: 0 };
  return { ...none, ...t };
}

function job(id, more) {
  return {
    id,
    name: "align",
    project: "phage",
    user: "ann",
    state: "active",
    wait: null,
    tasks: counts({ total: 1, placed: 1, running: 1 }),
    first_task: 1,
    last_task: 1,
    priority: 0,
    held: null,
    cancelled: null,
    labels: {},
    submitted_at: at(300),
    started_at: at(290),
    finished_at: null,
    message: null,
    resources: { cpus: 1, memory: 2 * GIB, gpus: 0 },
    sites: null,
    output_dataset: `job-${id}`,
    ...more,
  };
}

function site(name, more) {
  const worker = {
    id: 1, host: `login.${name}.example`, user: "grid", link: "ready", link_text: null, hostname: `${name}-1`, cpus: 64, memory: 256 * GIB,
    disk_free: 812 * GIB, disk_total: 2048 * GIB, running: 12, seen_at: at(2), load: 11.7, clock_skew_ms: 12, version: "0.0.9", machine: "x86_64", features: ["cgroup2", "rlimit", "fetch"], intent: "open", used: { cpus: 12, memory: 0, gpus: 0, tasks: 12 }, offer: { cpus: 64, memory: null, gpus: null, slots: null, custom: {} },
  };
  return {
    name, intent: "open", intent_by: "admin", intent_why: null, health: "up", health_since: at(9000), health_text: null, alarm: null,
    hosts: [{ address: `login.${name}.example`, port: 22, jumps: [], keys: [{ hop: 0, type: "ssh-ed25519", fingerprint: `SHA256:${name}0A3fXrm4eIlUXwHbpm6chFSEjEFvU0V8ELlRNM`, pinned: true }] }],
    accounts: [{ user: "grid", project: null, root: null, backend: "libssh2", public_key: `ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINrYE6FKisNyru1vSp0YCpR9Dh reeve-${name}` }],
    data: { accept: true, quota: null, egress: null, ingress: null, limit: 400 * GIB, used: 90 * GIB, evictable: 60 * GIB }, labels: ["eu"], place: places[name] ?? null, max_tasks: null, speed: 1, all_projects: true, projects: [], created_at: at(90000), intent_at: at(9000),
    workers: [worker], capacity: { cpus: 64, memory: 256 * GIB, gpus: 0 }, used: { cpus: 12, memory: 24 * GIB, gpus: 0, tasks: 12 }, ...more,
  };
}

const BUSY = "the sites that could run it are busy; it waits its turn";

function jobs() {
  const list = [
    job(1041, { name: "merge", state: "active", submitted_at: at(55), started_at: null, tasks: counts({ total: 1, blocked: 1 }), wait: { reason: "after", sentence: "waits for another job: 1040 (align)", since: at(55) } }),
    job(1040, { name: "align", submitted_at: at(60), started_at: at(52), last_task: 10, tasks: counts({ total: 10, ready: 3, placed: 3, running: 2, succeeded: 4 }), wait: { reason: "busy", sentence: BUSY, since: at(20) }, labels: { sample: "lambda" }, progress: { fraction: 0.52, text: `phase 2 ${HOSTILE}`, at: at(4) }, pace: { per_second: 0.4, remaining: { low: 200, high: 420 } } }),
    job(1039, { name: "split-reads", state: "succeeded", submitted_at: at(95), started_at: at(94), finished_at: at(61), tasks: counts({ total: 1, succeeded: 1 }) }),
    job(1038, { name: HOSTILE, project: "p\u202eroj", state: "failed", submitted_at: at(600), finished_at: at(500), tasks: counts({ total: 1, failed: 1 }), message: "task 1 failed for good: ended with a non-zero exit code (3)\u0000<script>alert(1)</script>" }),
    job(1037, { name: "parameter-sweep", submitted_at: at(4000), started_at: at(3900), last_task: 1000000, tasks: counts({ total: 1000000, ready: 661000, placed: 500, running: 488, succeeded: 337000, failed: 1500 }), wait: { reason: "throttle", sentence: "as many of its tasks run as its array allows at once", since: at(3900) } }),
    job(1036, { name: "render", submitted_at: at(5000), held: { by: "ann", at: at(4900) }, started_at: null, tasks: counts({ total: 8, ready: 8 }), wait: { reason: "held", sentence: "on hold until somebody releases it", since: at(4900) } }),
    job(1035, { name: "fit", state: "cancelled", submitted_at: at(8000), finished_at: at(7000), cancelled: { by: "ann", at: at(7000) }, tasks: counts({ total: 40, succeeded: 12, cancelled: 28 }) }),
    job(1034, { name: "simulate-64GB", submitted_at: at(9000), started_at: null, tasks: counts({ total: 1, ready: 1 }), wait: { reason: "too_large", sentence: "no worker is large enough for it", since: at(9000) } }),
    job(1033, { name: "x".repeat(200), state: "accepted", submitted_at: at(9100), started_at: null, tasks: counts({ total: 1, ready: 1 }), wait: { reason: "new", sentence: "just arrived; the engine has not looked at it yet", since: at(9100) } }),
  ];
  for (let id = 1032; id > 32; id--) {
    list.push(job(id, { name: ["fastqc", "trim", "count", "plot"][id % 4], state: "succeeded", submitted_at: at(90000 + (1032 - id) * 60), finished_at: at(89990 + (1032 - id) * 60), tasks: counts({ total: 4, succeeded: 4 }) }));
  }
  return list;
}

function attempt(n, more) {
  return {
    attempt: n, state: "succeeded", outcome: "succeeded", sentence: "ended with exit code 0", blame: "none", code: 0, signal: null, site: "alpha", worker: 1,
    host: "alpha-1", placed_at: at(40), started_at: at(39), ended_at: at(30), wall: 9.21, cpu_user: 8.4, cpu_system: 0.3, memory_peak: 94371840,
    read_bytes: 0, write_bytes: 0, stdout_bytes: 10, stderr_bytes: 0, log_cut: false, message: null, decision: 77, ...more,
  };
}

const running = { state: "running", outcome: null, sentence: null, blame: null, code: null, ended_at: null, wall: null, cpu_user: null, cpu_system: null, memory_peak: null };
const broken = { state: "failed", outcome: "exit", sentence: "ended with a non-zero exit code", blame: "task", code: 3, message: "after 2.1 s", site: "beta", host: "beta-2" };

function task(n) {
  const wait = { reason: "busy", sentence: BUSY, since: at(20) };
  if (n <= 4) return { task: n, state: "succeeded", wait: null, attempts: n === 2 ? [attempt(1, broken), attempt(2, {})] : [attempt(1, {})] };
  if (n === 5) return { task: n, state: "placed", wait: null, attempts: [attempt(1, running)] };
  if (n === 6) return { task: n, state: "placed", wait: null, attempts: [attempt(1, broken), attempt(2, { ...broken, outcome: "lost", state: "lost", sentence: "no word from the worker until the lease ran out", blame: "link", code: null, message: HOSTILE }), attempt(3, running)] };
  if (n === 7) return { task: n, state: "placed", wait: null, attempts: [attempt(1, { ...running, state: "starting", started_at: null })] };
  return { task: n, state: "ready", wait, attempts: [] };
}

function explain(id) {
  const wait = {
    reason: "busy", since: at(20), sentence: `waits: ${BUSY}`, details: {},
    position: { tasks_ahead: 41, jobs_ahead: 3, shape_ahead: 10, behind: [{ job: 1037, project: "p\u202eroj", tasks: 31 }, { job: null, project: null, tasks: 10 }] },
    start: { earliest: at(-300), likely: at(-700), latest: at(-1900), based_on: "run times of 230 tasks like it and of what runs now" },
    would_help: [{ change: { resources: { cpus: 1 } }, sentence: "1 cpu instead of 4: gamma could start it now", sites: ["gamma"], start_in: 0 }, { change: null, sentence: `a copy of lambda at beta ${HOSTILE}`, sites: ["beta"], start_in: 240 }],
    funnel: [
      { step: "known", sites: 4 }, { step: "open", sites: 3, dropped: [{ site: "delta", why: "is draining since 12:04: disk exchange" }] },
      { step: "project", sites: 3, dropped: [] }, { step: "named", sites: 3, dropped: [] },
      { step: "size", sites: 2, dropped: [{ site: "gamma", why: `wants 64 GiB of memory, the largest worker has 8 GiB ${HOSTILE}` }] },
      { step: "data", sites: 1, dropped: [{ site: "beta", why: "lacks lambda (48,524 bytes)" }] }, { step: "health", sites: 1 }, { step: "disk", sites: 1 }, { step: "limits", sites: 1 }, { step: "free", sites: 0, dropped: [{ site: "alpha", why: "all 64 cpus are taken" }] },
    ],
  };
  const candidates = [
    { site: "alpha", finish: 12.4, wait: 2.2, stage: 0, run: 9.8, out: 0.4, penalty: 0, missing_bytes: 0 },
    { site: "gamma", finish: 31.9, wait: 0, stage: 18.4, run: 11.2, out: 0.3, penalty: 2, missing_bytes: 48524000 },
    { site: "beta", dropped: "data", why: "lacks lambda (48,524 bytes)" }, { site: HOSTILE, dropped: "open", why: "is draining" },
  ];
  const placement = { decision: 77, at: at(52), first_task: 1, site: "alpha", sentence: "alpha holds all of its inputs and would finish first (12.4 s)", candidates };
  if (id === 1034) {
    return { job: id, task: null, state: "active", sentence: "no worker is large enough for it: it wants 64 GiB of memory, the largest worker has 32 GiB", can_ever_run: false, never: { sentence: "no worker is large enough for it: it wants 64 GiB of memory, the largest worker has 32 GiB", fix: { resources: { memory: 34359738368 } } }, wait: { ...wait, reason: "too_large" }, history: [], placements: [], live: true };
  }
  return { job: id, task: null, state: "active", sentence: `waits: ${BUSY}`, can_ever_run: true, never: null, wait, live: true, history: [{ reason: "held", sentence: "on hold until somebody releases it", since: at(60), until: at(20) }, { reason: "busy", sentence: BUSY, since: at(20), until: null }], placements: [placement, { ...placement, decision: 76, at: at(58) }] };
}

const node_of = (j, distance) => ({ job: j.id, name: j.name, user: j.user, state: j.state, tasks: j.tasks.total, succeeded: j.tasks.succeeded, failed: j.tasks.failed, running: j.tasks.running, distance, submitted_at: j.submitted_at, started_at: j.started_at, finished_at: j.finished_at });
const edge = (from, to, more) => ({ from, to, kind: "after", on: "ok", each: false, dataset: null, ...more });

// 1039 -> 1040 -> 1041, some beside them, and one more that reads what 1039 made.
function graph_of(s, id) {
  const at_of = (n, d) => node_of(s.jobs.find((j) => j.id === n), d);
  if (id < 1034 || id > 1041 || id === 1037) return { job: id, nodes: [at_of(id, 0)], edges: [], hidden: 0, more: false };
  const nodes = [at_of(1039, -1), at_of(1038, -2), at_of(1040, 0), at_of(1041, 1), at_of(1036, 1), at_of(1035, 2), at_of(1034, 2)].map((n) => ({ ...n, distance: n.distance }));
  return { job: 1040, nodes, edges: [edge(1038, 1039), edge(1039, 1040, { kind: "data", on: null, dataset: "job-1039" }), edge(1040, 1041), edge(1040, 1036, { on: "any" }), edge(1041, 1035), edge(1036, 1034), edge(1041, 1034)], hidden: 2, more: false };
}

// As many jobs as asked for: a fan out, work on each, joined in steps.
export function graph_large(n) {
  const nodes = [];
  const edges = [];
  const width = Math.floor(Math.sqrt(n) * 2);
  for (let i = 0; i < n; i++) {
    const layer = i === 0 ? 0 : Math.ceil(i / width);
    nodes.push({ job: i + 1, name: `step-${layer}-${i}`, user: "ann", state: ["succeeded", "active", "accepted", "failed"][layer < 3 ? 0 : layer === 3 ? 1 : 2], tasks: 1, succeeded: 0, failed: 0, running: layer === 3 ? 1 : 0, distance: layer, submitted_at: at(100), started_at: layer < 4 ? at(90 - layer) : null, finished_at: layer < 3 ? at(80 - layer * 5) : null });
    if (layer === 0) continue;
    const before = layer === 1 ? [1] : [i + 1 - width, ((i * 7919) % width) + (layer - 2) * width + 2];
    for (const b of new Set(before)) if (b >= 1 && b <= i) edges.push(edge(b, i + 1));
  }
  return { job: 1, nodes, edges, hidden: 0, more: false };
}

function timeline_of(j) {
  const n = Math.min(j.tasks.total, 60);
  const items = Array.from({ length: n }, (_, i) => {
    const begin = 52 - (i % 4) * 0.5 - Math.floor(i / 4) * 12;
    const ended = begin > 14;
    return { task: i + 1, attempt: 1, site: ["alpha", "gamma"][i % 2], state: i === 5 ? "failed" : ended ? "succeeded" : "running", outcome: ended ? (i === 5 ? "exit" : "succeeded") : null, placed_at: at(begin), started_at: at(begin - 1.5), ended_at: ended ? at(begin - 9 - (i % 3)) : null };
  }).filter((b) => Date.parse(b.placed_at) < START);
  return { items: j.started_at ? items : [], next: null };
}

function facets_of(jobs) {
  const values = (of) => Object.entries(jobs.reduce((n, j) => ({ ...n, [of(j)]: (n[of(j)] ?? 0) + 1 }), {})).map(([value, n]) => ({ value, jobs: n })).sort((a, b) => b.jobs - a.jobs).slice(0, 20);
  return { looked_at: jobs.length, whole: false, jobs: jobs.length, state: values((j) => j.state), project: values((j) => j.project), user: values((j) => j.user), name: values((j) => j.name), hours: Array.from({ length: 24 }, (_, i) => ({ at: new Date(Math.floor((START - (24 - i) * 3_600_000) / 3_600_000) * 3_600_000).toISOString(), jobs: (i * 37) % 60, failed: i % 7 === 0 ? (i % 5) + 1 : 0 })) };
}

export function scene_new() {
  START = Date.now();
  const sites = [
    site("alpha"),
    site("beta", { health: "down", health_since: at(400), health_text: "could not reach login.beta.example:22: connection refused", used: { cpus: 0, memory: 0, gpus: 0, tasks: 0 }, workers: [{ ...site("beta").workers[0], link: "absent", link_text: "next try in 42 s", seen_at: at(400) }] }),
    site("gamma", { intent: "draining", intent_why: "disk exchange", used: { cpus: 61, memory: 200 * GIB, gpus: 3, tasks: 61 }, capacity: { cpus: 64, memory: 256 * GIB, gpus: 4 } }),
    site("delta", { health: "suspect", alarm: `the host key of login.delta.example changed ${HOSTILE}`, intent: "closed", intent_why: "host key changed" }),
  ];
  const events = [
    { seq: 903, at: at(3), kind: "task.ended", job: 1040, task: 4, site: "alpha", actor: null, text: "task 4 succeeded at alpha" },
    { seq: 902, at: at(9), kind: "site.down", job: null, task: null, site: "beta", actor: null, text: "beta went down: connection refused" },
    { seq: 901, at: at(61), kind: "job.submitted", job: 1041, task: null, site: null, actor: "ann", text: `submitted merge ${HOSTILE}` },
  ];
  for (let i = 0; i < 17; i++) events.push({ seq: 900 - i, at: at(70 + 9 * i), kind: "task.ended", job: 1037, task: 337000 - i, site: "gamma", actor: null, text: `task ${337000 - i} succeeded at gamma` });
  return {
    version: 1, world: world_scene(), people: people_scene(HOSTILE), writing: writing_scene(HOSTILE), graphs: {}, views: [{ name: "failed here", page: "jobs", query: "state=failed&since=7d", project: "phage", by: "bob" }], jobs: jobs(), sites, events, silent: false, streams: true, test_fails: false, calls: [], acts: [], submitted: [],
    log: Buffer.from("reads; of these:\n\u001b[31mred\u001b[0m \u202eevil <b>not bold</b>\n\u001b[2Jcleared\n 10 %\r 90 %\rdone\n" + Array.from({ length: 400 }, (_, i) => `line ${i + 1}: 92.14% overall alignment rate é\n`).join("")), log_final: false, gap: null,
    running: [1, 2, 3, 4, 5, 6].map((i) => ({ job: i < 3 ? 1040 : 1037, name: i < 3 ? "align" : "parameter-sweep", task: i < 3 ? i + 4 : 337000 + i, attempt: i === 2 ? 3 : 1, site: i < 3 ? "alpha" : "gamma", started_at: at(39 + i * 3) })),
  };
}

const overview = (s) => ({
  now: new Date().toISOString(),
  jobs: { accepted: 1, active: 5, held: 1 },
  tasks: { ready: 661012, running: s.running.length, succeeded_total: 341_234, failed_total: 1501 },
  sites: s.sites, recent_jobs: s.jobs.slice(0, 20), running: s.running, events: s.events.slice(0, 20),
  engine: { epoch: 4, pass_ms: 3.2, last_pass_at: at(1), leader: "head-1" },
});

function page_of(list, q, key) {
  const limit = Number(q.get("limit") ?? 100);
  const cursor = q.get("cursor");
  const from = cursor ? list.findIndex((i) => String(i[key]) === cursor) : 0;
  const items = list.slice(from, from + limit);
  return { items, next_cursor: list[from + limit] ? String(list[from + limit][key]) : null };
}

function log_reply(s, q, res) {
  if (q.get("stream") === "stderr") return res.writeHead(200, { "Reeve-Offset": 0, "Reeve-Size": 0, "Reeve-Gap-Start": 0, "Reeve-Gap-End": 0, "Reeve-Final": "true" }).end();
  const size = s.log.length;
  const asked = Number(q.get("offset") ?? 0);
  let offset = asked < 0 ? Math.max(0, size + asked) : Math.min(asked, size);
  const [a, b] = s.gap ?? [0, 0];
  if (offset >= a && offset < b) offset = b;
  let end = Math.min(size, offset + Number(q.get("limit") ?? 65536));
  if (offset < a && end > a) end = a;
  const body = s.log.subarray(offset, end);
  res.writeHead(200, { "Content-Type": "application/octet-stream", "Reeve-Offset": offset, "Reeve-Size": size, "Reeve-Gap-Start": a, "Reeve-Gap-End": b, "Reeve-Final": String(s.log_final), "Reeve-Attempt": 1 });
  res.end(body);
}

// Path patterns and answers; the answer may be a body or a function that replies by itself.
const routes = [
  [/^GET \/v1\/me$/, (s) => s.people.me],
  [/^GET \/v1\/overview$/, (s) => overview(s)],
  [/^GET \/v1\/jobs$/, (s, m, q) => {
    const ids = q.get("ids")?.split(",").map(Number);
    const fits = (j) => (!ids || ids.includes(j.id)) && (!q.get("state") || j.state === q.get("state")) && (!q.get("user") || j.user === q.get("user")) && (!q.get("site") || (j.sites ?? ["alpha"]).includes(q.get("site"))) && (!q.get("label") || j.labels[q.get("label").split(":")[0]] === q.get("label").split(":")[1]) && (!q.get("name") || j.name.startsWith(q.get("name").replace("*", "")));
    return page_of(s.jobs.filter(fits), q, "id");
  }],
  [/^GET \/v1\/jobs\/(\d+)$/, (s, m) => s.jobs.find((j) => j.id === Number(m[1])) ?? null],
  [/^GET \/v1\/jobs\/(\d+)\/spec$/, (s, m) => (m[1] === "1038" ? { script: `#!/bin/sh\necho ${HOSTILE}\nexit 3\n`, args: ["a b", "$(id)"] } : { command: ["bowtie2", "-x", "lambda virus", "-1", "reads_1.fq", "--no-unal"] })],
  [/^GET \/v1\/jobs\/(\d+)\/strip$/, (s, m, q) => {
    const j = s.jobs.find((x) => x.id === Number(m[1]));
    const from = Number(q.get("from") ?? 1);
    const to = Math.min(from + 19_999, j.tasks.total);
    return { from, to, runs: j.tasks.total > 100 ? (from > 330_000 ? `${to - from + 1}r` : "3000s20f3000s500p13480s") : "4s3p3r", next: j.tasks.total > to ? to + 1 : null };
  }],
  [/^GET \/v1\/jobs\/(\d+)\/graph$/, (s, m) => s.graphs[m[1]] ?? graph_of(s, Number(m[1]))],
  [/^GET \/v1\/jobs\/(\d+)\/timeline$/, (s, m) => timeline_of(s.jobs.find((x) => x.id === Number(m[1])))],
  [/^GET \/v1\/jobs:facets$/, (s, m, q) => facets_of(s.jobs.filter((j) => (!q.get("state") || j.state === q.get("state")) && (!q.get("user") || j.user === q.get("user"))))],
  [/^GET \/v1\/me\/views$/, (s) => ({ items: s.views })],
  [/^PUT \/v1\/me\/views$/, (s, m, q, body) => {
    s.views = [...JSON.parse(body).items.map((v) => ({ project: null, ...v, by: "ann" })), ...s.views.filter((v) => v.by !== "ann")];
    return { items: s.views };
  }],
  [/^GET \/v1\/datasets\/([^/]+)\/content$/, (s, m, q, body, res) => {
    const text = Buffer.from(`@SQ\tSN:lambda\n${HOSTILE}\n`);
    res.writeHead(200, { "Content-Type": "application/octet-stream", "Reeve-Offset": 0, "Reeve-Size": 48_524, "Reeve-Final": "true" }).end(text);
  }],
  [/^GET \/v1\/jobs\/(\d+)\/tasks$/, (s, m, q) => {
    const j = s.jobs.find((x) => x.id === Number(m[1]));
    const all = Array.from({ length: Math.min(j.tasks.total, 60) }, (_, i) => ({ ...task(i + 1) })).filter((t) => (!q.get("state") || t.state === q.get("state")) && t.task >= Number(q.get("from") ?? 0));
    return page_of(all.map((t) => ({ ...t, attempts: t.attempts.slice(-1) })), q, "task");
  }],
  [/^GET \/v1\/jobs\/(\d+)\/tasks\/(\d+)$/, (s, m) => (m[1] === "1034" ? { ...task(9), task: 1 } : task(Number(m[2])))],
  [/^GET \/v1\/jobs\/(\d+)\/explain$/, (s, m) => explain(Number(m[1]))],
  [/^GET \/v1\/jobs\/(\d+)\/events$/, (s, m) => ({ items: s.events.filter((e) => e.job === Number(m[1])), next_cursor: null })],
  [/^GET \/v1\/jobs\/(\d+)\/outputs$/, (s, m) => ({ dataset: `job-${m[1]}`, items: m[1] === "1034" ? [] : [1, 2, 3, 4].map((t) => ({ task: t, path: t === 3 ? `3/plots/${HOSTILE}` : `${t}/out/chunk${t}.sam`, size: 48_524 * t, sha256: "ab".repeat(32), site: "alpha" })), next_cursor: null })],
  [/^GET \/v1\/jobs\/(\d+)\/tasks\/(\d+)\/log$/, (s, m, q, body, res) => log_reply(s, q, res)],
  [/^POST \/v1\/jobs\/(\d+)\/rerun$/, (s, m, q, body) => {
    const old = s.jobs.find((x) => x.id === Number(m[1]));
    const id = s.jobs[0].id + 1;
    s.acts.push(`rerun ${m[1]} ${body}`);
    s.jobs.unshift(job(id, { name: old.name, labels: { rerun_of: m[1] } }));
    return { id, tasks: 1, state: "accepted", warnings: [], rerun_of: old.id };
  }],
  [/^POST \/v1\/jobs\/(\d+)\/priority$/, (s, m, q, body) => {
    const j = s.jobs.find((x) => x.id === Number(m[1]));
    s.acts.push(`priority ${m[1]} ${body}`);
    j.priority = JSON.parse(body).priority;
    s.version++;
    return j;
  }],
  [/^POST \/v1\/jobs:(hold|release|cancel)$/, (s, m, q, body) => {
    const f = JSON.parse(body);
    const meant = s.jobs.filter((j) => (!f.ids || f.ids.includes(j.id)) && (!f.state || j.state === f.state) && (!f.user || j.user === f.user));
    const would = (j) => !j.finished_at && (m[1] === "hold" ? !j.held : m[1] === "release" ? !!j.held : true);
    const able = meant.filter((j) => would(j) && j.id < (f.before ?? Infinity));
    const found = able.slice(0, s.bulk_step ?? f.limit ?? 10_000);
    if (q.get("dry_run") !== "true") {
      s.acts.push(`${m[1]} ${body}`);
      for (const j of found) Object.assign(j, m[1] === "cancel" ? { state: "cancelled", finished_at: new Date().toISOString(), wait: null } : { held: m[1] === "hold" ? { by: "ann", at: new Date().toISOString() } : null });
      s.version++;
    }
    const ended = f.ids ? meant.filter((j) => j.finished_at) : [];
    const already = meant.filter((j) => !j.finished_at && !would(j));
    const told = (j, why, sentence) => ({ job: j.id, name: j.name, why, sentence });
    return {
      matched: q.get("dry_run") === "true" ? able.length : found.length, more: q.get("dry_run") !== "true" && able.length > found.length, jobs: found.slice(0, 1000).map((j) => j.id), last: found.at(-1)?.id ?? null,
      states: { accepted: found.filter((j) => j.state === "accepted").length, active: found.filter((j) => j.state !== "accepted").length }, running: found.reduce((n, j) => n + j.tasks.running, 0),
      cannot: f.before ? { ended: 0, already: 0, unknown: 0 } : { ended: ended.length, already: already.length, unknown: 0 },
      cannot_jobs: f.before ? [] : [...ended.map((j) => told(j, "ended", `has ended (${j.state})`)), ...already.map((j) => told(j, "already", "is so already"))].slice(0, 100),
    };
  }],
  [/^POST \/v1\/jobs\/(\d+)\/(hold|release|cancel)$/, (s, m) => {
    const j = s.jobs.find((x) => x.id === Number(m[1]));
    s.acts.push(`${m[2]} ${m[1]}`);
    if (m[2] === "cancel") Object.assign(j, { state: "cancelled", cancelled: { by: "ann", at: new Date().toISOString() }, finished_at: new Date().toISOString(), wait: null });
    if (m[2] === "hold") j.held = { by: "ann", at: new Date().toISOString() };
    if (m[2] === "release") j.held = null;
    s.version++;
    return j;
  }],
  [/^POST \/v1\/jobs$/, (s, m, q, body) => {
    const spec = JSON.parse(body);
    if (spec.resources?.memory === "lots") return { status: 422, type: "/docs/errors#bad_input", title: "the job cannot be accepted", code: "bad_input", detail: "1 field is wrong", errors: [{ pointer: "/resources/memory", code: "bad_size", detail: `"lots" is not a size; write it like 512M or 8G` }] };
    if (q.get("dry_run") === "true") return { id: null, tasks: spec.array ? 10 : 1, state: "accepted", warnings: [] };
    s.submitted.push(spec);
    s.jobs.unshift(job(s.jobs[0].id + 1, { name: spec.name ?? "job", labels: spec.labels ?? {}, ...(spec.sites ? { sites: spec.sites } : {}), submitted_at: new Date().toISOString() }));
    s.version++;
    return { id: s.jobs[0].id, tasks: 1, state: "accepted", warnings: [] };
  }],
];

routes.push([/^POST \/v1\/explain$/, (s, m, q, body) => {
  const spec = JSON.parse(body);
  const { wait } = explain(1040);
  if (spec.resources?.memory === "64G") return { sentence: "no worker is large enough", can_ever_run: false, never: { sentence: "wants 64 GiB of memory, the largest worker has 32 GiB", fix: { resources: { memory: 34359738368 } } }, warnings: [], reason: "too_large", position: null, start: null, funnel: wait.funnel, best: null, candidates: [], would_help: [], as_of: at(0) };
  return { sentence: "could start now at alpha", can_ever_run: true, never: null, warnings: [{ code: "no_site", sentence: `no site holds lambda yet ${HOSTILE}`, fix: null }], reason: null, position: null, start: wait.start, funnel: wait.funnel, best: "alpha", candidates: explain(1040).placements[0].candidates, would_help: wait.would_help, as_of: at(0) };
}]);
routes.push([/^GET \/v1\/queue$/, (s) => ({ projects: [], items: s.jobs.filter((j) => j.wait).map((j, i) => ({ position: i + 7, job: j.id, tasks: j.tasks.ready, alike: 0 })).sort((a, b) => a.job - b.job), waiting: { jobs: 3, tasks: 12 }, more: false })]);
routes.push([/^GET \/v1\/datasets$/, () => ({ items: [{ name: "lambda", project: "phage", state: "sealed", files: 3, bytes: 48_524, sites: ["alpha"] }, { name: HOSTILE, project: "phage", state: "sealed", files: 1, bytes: 10, sites: [] }], next_cursor: null })]);

// Of two answers to the same the first counts.
routes.unshift(...writing_routes, ...world_routes, ...people_routes);

const STEPS = ["reach", "algorithms", "host key", "login", "session", "shell", "upload", "worker", "disk", "clock", "survival", "task"];
const site_of = (s, m) => s.sites.find((x) => x.name === decodeURIComponent(m[1]));
const call_new = (s, kind, site, more) => {
  const c = { id: s.calls.length + 1, kind, site, state: "done", asked_at: at(0), ended_at: at(0), steps: [], result: {}, message: null, ...more };
  s.calls.push(c);
  s.version++;
  return c;
};

routes.push(
  [/^GET \/v1\/sites$/, (s) => ({ items: s.sites, next_cursor: null })],
  [/^GET \/v1\/sites\/([^/]+)$/, (s, m) => site_of(s, m) ?? null],
  [/^GET \/v1\/events$/, (s, m, q) => ({ items: s.events.filter((e) => !q.get("site") || e.site === q.get("site")), next_cursor: null })],
  [/^POST \/v1\/sites$/, (s, m, q, body) => {
    const b = JSON.parse(body);
    if (s.sites.some((x) => x.name === b.name)) return { status: 409, title: "in conflict with what is there", code: "conflict", detail: `there is a site "${b.name}" already`, errors: [] };
    const one = site(b.name, { intent: "closed", health: "unknown", workers: [], capacity: {}, used: {} });
    one.hosts = b.hosts.map((h) => ({ port: 22, jumps: [], ...h, keys: [] }));
    one.accounts[0].user = b.accounts[0].user;
    s.sites.push(one);
    s.acts.push(`register ${b.name}`);
    s.version++;
    return one;
  }],
  [/^PATCH \/v1\/sites\/([^/]+)$/, (s, m, q, body) => {
    s.acts.push(`rules ${m[1]} ${body}`);
    const { offer, ...rest } = JSON.parse(body);
    s.version++;
    return Object.assign(site_of(s, m), rest);
  }],
  [/^DELETE \/v1\/sites\/([^/]+)$/, (s, m) => {
    s.acts.push(`remove ${m[1]}`);
    s.sites.splice(s.sites.indexOf(site_of(s, m)), 1);
    s.version++;
    return {};
  }],
  [/^POST \/v1\/sites\/([^/]+)\/(open|drain|close)$/, (s, m, q, body) => {
    s.acts.push(`${m[2]} ${m[1]} ${body}`);
    s.version++;
    return Object.assign(site_of(s, m), { intent: { open: "open", drain: "draining", close: "closed" }[m[2]], intent_why: JSON.parse(body).why ?? null, intent_at: at(0) });
  }],
  [/^POST \/v1\/sites\/([^/]+)\/probe$/, (s, m) => {
    for (const h of site_of(s, m).hosts) if (!h.keys.length) h.keys = [{ hop: 0, type: "ssh-ed25519", fingerprint: "SHA256:new0A3fXrm4eIlUXwHbpm6chFSEjEFvU0V8ELlRNM", pinned: false }];
    return call_new(s, "probe", m[1], {});
  }],
  [/^POST \/v1\/sites\/([^/]+)\/pin$/, (s, m, q, body) => {
    const b = JSON.parse(body);
    s.acts.push(`pin ${m[1]} ${b.fingerprint}`);
    for (const h of site_of(s, m).hosts) for (const k of h.keys) if (k.fingerprint === b.fingerprint) k.pinned = true;
    s.version++;
    return site_of(s, m);
  }],
  [/^POST \/v1\/sites\/([^/]+)\/test$/, (s, m) => {
    const bad = s.test_fails;
    const steps = STEPS.slice(0, bad ? 4 : 12).map((name, i) => ({ name, state: bad && i === 3 ? "failed" : "ok", ms: 12 * i, text: bad && i === 3 ? `permission denied (publickey) ${HOSTILE}` : "as it should be", fix: bad && i === 3 ? "put the key into authorized_keys of that account" : null }));
    return call_new(s, "test", m[1], { steps, result: { ok: !bad, backend: "libssh2" } });
  }],
  [/^GET \/v1\/calls\/(\d+)$/, (s, m) => s.calls[Number(m[1]) - 1] ?? null],
  [/^POST \/v1\/workers\/(\d+)\/(drain|resume)$/, (s, m, q, body) => {
    s.acts.push(`${m[2]} worker ${m[1]} ${body}`);
    const k = s.sites[0].workers[0];
    k.intent = m[2] === "drain" ? "draining" : "open";
    s.version++;
    return k;
  }],
);

const types = { html: "text/html; charset=utf-8", js: "text/javascript; charset=utf-8", css: "text/css; charset=utf-8", svg: "image/svg+xml" };

function files_of(dir) {
  const names = ["index.html", ...readdirSync(join(dir, "assets")).map((n) => `assets/${n}`)].filter((n) => !/\.(br|gz)$/.test(n));
  return new Map(names.map((n) => [`/${n}`, { type: types[n.split(".").pop()], br: existsSync(join(dir, `${n}.br`)) && readFileSync(join(dir, `${n}.br`)) }]));
}

const headers = { "Content-Security-Policy": CSP, "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cross-Origin-Opener-Policy": "same-origin" };

export async function mock_start(ui_dir, port = 0) {
  const files = files_of(ui_dir);
  const mock = { scene: scene_new(), requests: [], waiting: new Set(), streams: new Set() };

  const send_json = (res, status, body, more = {}) => {
    const text = JSON.stringify(body);
    res.writeHead(status, { "Content-Type": status >= 400 ? "application/problem+json" : "application/json", "Cache-Control": "no-store", ...headers, ...more }).end(text);
  };

  const login = (body, res) => {
    const { code, token, name, password } = JSON.parse(body || "{}");
    const spent = code === CODE && mock.code_used;
    if (code === CODE) mock.code_used = true;
    if ((code !== CODE || spent) && token !== TOKEN && !(name === "ann" && password === PASSWORD)) return send_json(res, 401, { title: "not accepted", status: 401, code: "unauthorized", detail: "the token is unknown or expired" });
    enter(res);
  };
  const enter = (res) => send_json(res, 200, mock.scene.people.me, { "Set-Cookie": `${COOKIE}; HttpOnly; SameSite=Strict; Path=/` });

  // The stream of changes; `wake` tells all topics of everybody.
  const stream = (url, res) => {
    const s = { topics: url.searchParams.get("topics").split(","), res, id: 0 };
    s.tell = (event, data) => res.write(`id: ${++s.id}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
    res.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-store", ...headers });
    res.write(": reeve\n\nretry: 2000\n\n");
    s.tell("ready", { seq: 1, topics: s.topics });
    mock.streams.add(s);
    res.on("close", () => mock.streams.delete(s));
  };

  const api = (req, res, url, body) => {
    const what = `${req.method} ${url.pathname}`;
    if (what === "POST /v1/login") return login(body, res);
    const open = people_public(mock.scene.people, what, body, () => enter(res));
    if (res.headersSent) return;
    if (open) return send_json(res, open.status >= 400 ? open.status : 200, open);
    if (req.headers.cookie !== COOKIE || req.headers["x-reeve-csrf"] !== "1") return send_json(res, 401, { title: "log in first", status: 401, code: "unauthorized", detail: "" });
    if (what === "POST /v1/logout") return send_json(res, 200, {}, { "Set-Cookie": "reeve=; Max-Age=0; Path=/" });
    if (what === "GET /v1/stream" && mock.scene.streams) return stream(url, res);
    const row = routes.find(([pattern]) => pattern.test(what));
    const answer = row && row[1](mock.scene, row[0].exec(what), url.searchParams, body, res);
    if (res.headersSent) return;
    if (!answer) return send_json(res, 404, { title: "not found", status: 404, code: "not_found", detail: what });
    if (answer.status >= 400) return send_json(res, answer.status, answer);
    const etag = `"${createHash("sha256").update(JSON.stringify({ ...answer, now: 0 })).digest("hex").slice(0, 16)}"`;
    if (req.method === "GET" && req.headers["if-none-match"] === etag) {
      const wait = Number(url.searchParams.get("wait") ?? 0);
      if (wait > 0 && !res.waited) return hold(req, res, url, body, wait);
      return res.writeHead(304, { ETag: etag, ...headers }).end();
    }
    send_json(res, 200, answer, { ETag: etag });
  };

  const hold = (req, res, url, body, wait) => {
    const again = () => {
      clearTimeout(timer);
      mock.waiting.delete(again);
      res.waited = true;
      if (!res.destroyed && !res.headersSent) api(req, res, url, body);
    };
    const timer = setTimeout(again, wait * 1000).unref();
    mock.waiting.add(again);
    res.on("close", () => {
      clearTimeout(timer);
      mock.waiting.delete(again);
    });
  };

  const server = createServer((req, res) => {
    const url = new URL(req.url, "http://localhost");
    mock.requests.push(`${req.method} ${req.url}`);
    if (mock.scene.silent) return void req.socket.destroy();
    const parts = [];
    req.on("data", (c) => parts.push(c)).on("end", () => {
      if (url.pathname.startsWith("/v1/")) return api(req, res, url, Buffer.concat(parts).toString());
      const file = files.get(url.pathname) ?? (url.pathname.startsWith("/assets/") ? null : files.get("/index.html"));
      if (!file) return res.writeHead(404).end();
      res.writeHead(200, { "Content-Type": file.type, "Content-Encoding": "br", ...headers }).end(file.br);
    });
  });
  await new Promise((done) => server.listen(port, "127.0.0.1", done));
  mock.url = `http://127.0.0.1:${server.address().port}`;
  // Something in the scene changed: let go of those who wait for that.
  mock.wake = () => {
    mock.scene.version++;
    for (const again of [...mock.waiting]) again();
    for (const s of mock.streams) for (const topic of s.topics) s.tell("change", { topic, seq: mock.scene.version });
  };
  // The network goes away under those who wait.
  mock.drop = () => {
    mock.waiting.clear();
    server.closeAllConnections();
  };
  mock.stop = () => {
    mock.waiting.clear();
    server.closeAllConnections();
    return new Promise((done) => server.close(done));
  };
  return mock;
}

if (process.argv[1] === new URL(import.meta.url).pathname) {
  const mock = await mock_start(process.argv[2], Number(process.argv[3] ?? 0));
  console.log(`${mock.url}/#code=${CODE}`);
}
