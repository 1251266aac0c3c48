// SPDX-License-Identifier: Apache-2.0
// mock_world.mjs - canned answers about data, transfers, links, the queue, workers and the grid's history.

const START = Date.now();
const at = (s) => new Date(START - s * 1000).toISOString();
const MIB = 1024 ** 2;
const GIB = 1024 ** 3;
const HOSTILE = '<img src=x onerror=alert(1)>"\'\u202egnp.exe\u0007\u001b[31m&amp;{{7*7}}';

function dataset(name, more) {
  return {
    name, base: name, version: 1, project: "phage", state: "sealed", files: 12, bytes: 48 * GIB, made_by: "ann", made_at: at(90_000), job: null, sealed_at: at(89_000),
    expires_at: null, policy: null, arrival: null, sites: [], reads: { last_at: at(3600), jobs: 14, more: false, days: Array.from({ length: 20 }, (_, i) => ({ day: new Date(START - i * 86_400_000).toISOString().slice(0, 10), jobs: (i * 7) % 5 + 1, tasks: 40 })) }, ...more,
  };
}

const place = (site, more) => ({ site, root: "/data/lambda", files: 12, bytes: 48 * GIB, missing: 0, complete: true, copy: true, suspect: false, used_at: at(500), checked_at: at(5000), pinned_by: null, pinned_at: null, ...more });

export function world_scene() {
  const datasets = [
    dataset("arriving", { state: "open", sealed_at: null, files: 3, bytes: 30, arrival: { kind: "upload", state: "filling", site: "alpha", files: 3, bytes: 30, received_files: 1, received_bytes: 10, moved_bytes: 0, transfer: null, message: null, expires_at: at(-600_000) } }),
    dataset("lambda", {
      sites: [place("alpha", { copy: false, pinned_by: "ann" }), place("gamma", { suspect: true }), place("delta", { bytes: 20 * GIB, missing: 28 * GIB, complete: false })],
      used_by: [{ job: 1040, name: "align", user: "ann", state: "active", submitted_at: at(60) }, { job: 1037, name: HOSTILE, user: "bob", state: "failed", submitted_at: at(4000) }],
      expires_at: at(-400_000), policy: { sites: [], labels: ["eu"], by: "ann" }, lineage: { job: 1030, name: "split-reads", user: "ann", state: "succeeded", inputs: ["raw"] }, job: 1030,
    }),
    dataset(`evil ${HOSTILE}`, { bytes: 10, files: 1, sites: [] }),
    ...Array.from({ length: 70 }, (_, i) => dataset(`sample-${String(i + 1).padStart(3, "0")}`, { bytes: (i + 1) * 77 * MIB, sites: [place(["alpha", "gamma"][i % 2])], made_at: at(100_000 + i * 1000) })),
  ];
  const files = [
    { path: "reads/chr1.fastq", size: 8 * GIB, sha256: "ab".repeat(32), task: null },
    { path: `reads/${HOSTILE}`, size: 10, sha256: "cd".repeat(32), task: null },
    ...Array.from({ length: 58 }, (_, i) => ({ path: `reads/part-${i}.fastq`, size: 700 * MIB, sha256: "ef".repeat(32), task: null })),
  ];
  const transfers = [
    transfer(19, { state: "queued", from: "alpha", to: "delta", bytes: 0, rate: null, eta: null, started_at: null, why: "job", tries: 2, message: "could not read chunk 17 of 40 in 30 s", not_before: at(-40) }),
    transfer(18, { dataset: `evil ${HOSTILE}`, from: "alpha", to: "gamma", way: "relay", why: "person", asked_by: "ann" }),
    transfer(17, {}),
    transfer(16, { state: "failed", rate: null, eta: null, ended_at: at(700), message: "the disk at gamma is full: 3 GiB free, 9 GiB wanted" }),
    transfer(15, { state: "failed", rate: null, eta: null, ended_at: at(900), message: "the disk at gamma is full: 2 GiB free, 9 GiB wanted" }),
    ...Array.from({ length: 20 }, (_, i) => transfer(14 - i, { dataset: `sample-${String(i + 1).padStart(3, "0")}`, state: i === 4 ? "cancelled" : "done", bytes: 9 * GIB, eta: null, ended_at: at(1000 + 100 * i) })),
  ];
  const links = [
    link("alpha", "gamma", { rate: 420 * MIB, active: 2, promised: 12 * GIB, bytes: 900 * GIB, transfers: 84, direct: true }),
    link("gamma", "alpha", { rate: 310 * MIB, latency: 0.021 }),
    link("alpha", "delta", { rate: 12 * MIB, latency: 0.18, promised: 9 * GIB, budget: 20 * MIB, max_active: 2 }),
    link("delta", "alpha", { rate: 55 * MIB, latency: 0.18 }),
    link("alpha", "beta", { rate: null, latency: null, weight: 0, learned_at: null, bytes: 0, transfers: 0 }),
  ];
  return { datasets, files, received: {}, uploads: [], transfers, links, cut: 0 };
}

const transfer = (id, more) => ({
  id, dataset: "lambda", from: "alpha", to: "gamma", state: "active", why: "job", asked_by: null, files: 12, bytes: 4 * GIB, total: 9 * GIB, rate: 210 * MIB, eta: 24, tries: 1,
  asked_at: at(60), started_at: at(50), ended_at: null, not_before: null, way: "direct", message: null, ...more,
});

const link = (from, to, more) => ({ from, to, rate: 100 * MIB, latency: 0.02, weight: 12, learned_at: at(500), budget: null, max_active: null, direct: false, transfers: 9, bytes: 80 * GIB, active: 0, promised: 0, ...more });

// Where the sites of mock.mjs are.
export const places = {
  alpha: { latitude: 52.23, longitude: 21.01, name: "Warsaw" },
  beta: { latitude: 48.85, longitude: 2.35, name: "Paris" },
  gamma: { latitude: 46.23, longitude: 6.05, name: `Geneva ${HOSTILE}` },
};

const queue = (s) => {
  const names = ["phage", "default", null];
  return {
    projects: names.map((project, i) => ({ project, share: [2, 1, 1][i], usage: [81_250, 12_000, 400][i], score: [40_625, 12_000, 400][i], waiting: [661_012, 12, 3][i], running: [488, 3, 1][i], jobs: [4, 1, 1][i], max_cpus: i ? null : 1024, max_tasks: null, used: { cpus: 500, tasks: 488 } })),
    items: s.jobs.filter((j) => j.wait).map((j, i) => ({ position: i + 7, project: j.project, job: j.id, name: j.name, user: i % 2 ? "bob" : "ann", tasks: j.tasks.ready + j.tasks.blocked, priority: i, held: Boolean(j.held), alike: i === 2 ? 3 : 0, wait: j.wait })),
    waiting: { jobs: 6, tasks: 661_027 }, more: true,
  };
};

const workers = (s) => s.sites.flatMap((x, i) => x.workers.map((k) => ({ site: x.name, ...k, id: i + 1, used: { cpus: 12, memory: 24 * GIB, gpus: 0, tasks: 12 } })));

const nodes = [
  { id: "d1", kind: "dataset", name: "raw", level: -2, state: "sealed", files: 1, bytes: 90 * GIB, at: at(200_000) },
  { id: "j1", kind: "job", job: 1030, name: "split-reads", level: -1, state: "succeeded", user: "ann", at: at(95_000) },
  { id: "d2", kind: "dataset", name: "lambda", level: 0, state: "sealed", files: 12, bytes: 48 * GIB, at: at(90_000) },
  { id: "j2", kind: "job", job: 1040, name: "align", level: 1, state: "active", user: "ann", at: at(60) },
  { id: "j3", kind: "job", job: 1037, name: HOSTILE, level: 1, state: "failed", user: "bob", at: at(4000) },
  { id: "d3", kind: "dataset", name: "job-1040", level: 2, state: "open", files: 4, bytes: 2 * GIB, at: at(50) },
];
const edges = [["d1", "j1"], ["j1", "d2"], ["d2", "j2"], ["d2", "j3"], ["j2", "d3"]].map(([from, to]) => ({ from, to }));

const where = [
  { site: "alpha", state: "complete", bytes: 48 * GIB, missing: 0, seconds: 0, from: null, allowed: true, sentence: "lies there" },
  { site: "gamma", state: "complete", bytes: 48 * GIB, missing: 0, seconds: 0, from: null, allowed: true, sentence: "lies there" },
  { site: "delta", state: "part", bytes: 20 * GIB, missing: 28 * GIB, seconds: 310, from: "alpha", allowed: true, sentence: "28 GiB are missing; alpha is the quickest source" },
  { site: "epsilon", state: "none", bytes: 0, missing: 48 * GIB, seconds: 840, from: "alpha", allowed: true, sentence: "nothing of it is there" },
  { site: "beta", state: "none", bytes: 0, missing: 48 * GIB, seconds: null, from: null, allowed: false, sentence: "its policy wants a site labelled eu" },
];

const one = (s, m) => s.world.datasets.find((d) => d.name === decodeURIComponent(m[1])) ?? null;
const listed = (d) => ({ ...d, sites: d.sites.map((p) => p.site) });
const act = (s, text) => {
  s.acts.push(text);
  s.version++;
};
const call = (s, kind, site, result) => {
  const c = { id: s.calls.length + 1, kind, site, state: "done", asked_at: at(0), ended_at: at(0), steps: [], result, message: null };
  s.calls.push(c);
  return c;
};
const page_of = (list, q, key) => {
  const limit = Number(q.get("limit") ?? 100);
  const from = q.get("cursor") ? list.findIndex((i) => String(i[key]) === q.get("cursor")) : 0;
  return { items: list.slice(from, from + limit), next_cursor: list[from + limit] ? String(list[from + limit][key]) : null };
};

// Patterns and answers, as in mock.mjs.
export const world_routes = [
  [/^GET \/v1\/datasets$/, (s, m, q) => {
    const starts = q.get("name")?.replace("*", "");
    const fits = (d) => (!starts || d.name.startsWith(starts)) && (!q.get("state") || d.state === q.get("state")) && (!q.get("site") || d.sites.some((p) => p.site === q.get("site")));
    return page_of(s.world.datasets.filter(fits).map(listed), q, "name");
  }],
  [/^GET \/v1\/datasets:facets$/, (s, m, q) => {
    const starts = q.get("name")?.replace("*", "");
    const some = s.world.datasets.filter((d) => !starts || d.name.startsWith(starts));
    const by = (of) => [...new Set(some.flatMap(of))].map((value) => ({ value, datasets: some.filter((d) => of(d).includes(value)).length }));
    return { datasets: some.length, bytes: some.reduce((n, d) => n + d.bytes, 0), more: false, state: by((d) => [d.state]), project: by((d) => [d.project]), site: by((d) => d.sites.map((p) => p.site)), policy: by((d) => d.policy?.labels ?? ["none"]) };
  }],
  [/^GET \/v1\/url-prefixes$/, () => ({ items: [{ id: 1, prefix: "https://data.example.org/", site: null, private: false, redirects: [], made_by: "ann", made_at: at(9000) }], next_cursor: null })],
  [/^POST \/v1\/datasets$/, (s, m, q, body) => {
    const b = JSON.parse(body);
    act(s, `new ${b.name} ${body}`);
    if (b.path) return call(s, "scan", b.site, { dataset: b.name, files: 3, bytes: 30 });
    const d = dataset(b.name, { state: "open", sealed_at: null, files: 0, bytes: 0, arrival: { kind: b.upload ? "upload" : "fetch", state: "filling", site: "alpha", files: 0, bytes: 0, received_files: 0, received_bytes: 0, moved_bytes: 0, transfer: null, message: null, expires_at: at(-600_000) } });
    s.world.datasets.unshift(d);
    return d;
  }],
  [/^GET \/v1\/datasets\/([^/]+)$/, (s, m) => one(s, m)],
  [/^GET \/v1\/datasets\/([^/]+)\/where$/, (s, m) => (one(s, m) ? { dataset: one(s, m).name, bytes: one(s, m).bytes, live: true, items: where } : null)],
  [/^GET \/v1\/datasets\/([^/]+)\/lineage$/, (s, m, q) => ({ dataset: decodeURIComponent(m[1]), depth: Number(q.get("depth")), more: true, nodes: one(s, m)?.name === "lambda" ? nodes : nodes.slice(2, 3), edges: one(s, m)?.name === "lambda" ? edges : [] })],
  [/^GET \/v1\/datasets\/([^/]+)\/files$/, (s, m, q) => {
    if (one(s, m)?.state !== "open") return page_of(s.world.files, q, "path");
    const got = s.world.received[one(s, m).name] ?? {};
    return { items: Object.entries(got).map(([path, f]) => ({ path, size: f.size, sha256: null, task: null, received: f.received })), next_cursor: null };
  }],
  [/^PUT \/v1\/datasets\/([^/]+)\/files$/, (s, m, q, body) => {
    const d = one(s, m);
    const got = (s.world.received[d.name] ??= {});
    const f = (got[q.get("path")] ??= { size: Number(q.get("size")), received: 0 });
    s.world.uploads.push(`${q.get("path")}@${q.get("offset")}+${body.length}`);
    if (s.world.cut > 0 && s.world.uploads.length > s.world.cut) return { status: 507, title: "A limit is reached", code: "limit", detail: "the spool for uploads is full" };
    f.received = Number(q.get("offset")) + body.length;
    d.arrival = { ...d.arrival, files: Object.keys(got).length, bytes: Object.values(got).reduce((n, x) => n + x.size, 0), received_bytes: Object.values(got).reduce((n, x) => n + x.received, 0), received_files: Object.values(got).filter((x) => x.received >= x.size).length };
    s.version++;
    return { path: q.get("path"), size: f.size, received: f.received, complete: f.received >= f.size };
  }],
  [/^POST \/v1\/datasets\/([^/]+)\/seal$/, (s, m) => {
    act(s, `seal ${m[1]}`);
    return Object.assign(one(s, m), { state: "sealed", arrival: null, sealed_at: at(0), files: 2, bytes: 20 });
  }],
  [/^POST \/v1\/datasets\/([^/]+)\/(copy|evict)$/, (s, m, q, body) => {
    act(s, `${m[2]} ${m[1]} ${body}`);
    return call(s, m[2], JSON.parse(body).site, m[2] === "copy" ? { transfer: 17 } : { places: 1 });
  }],
  [/^POST \/v1\/datasets\/([^/]+)\/pin$/, (s, m, q, body) => {
    act(s, `pin ${m[1]} ${body}`);
    const b = JSON.parse(body);
    const p = one(s, m).sites.find((x) => x.site === b.site);
    p.pinned_by = b.pinned ? "ann" : null;
    return one(s, m);
  }],
  [/^PATCH \/v1\/datasets\/([^/]+)$/, (s, m, q, body) => {
    act(s, `change ${m[1]} ${body}`);
    const b = JSON.parse(body);
    if (b.policy) b.policy = { sites: [], labels: [], by: "ann", ...b.policy };
    return Object.assign(one(s, m), b);
  }],
  [/^DELETE \/v1\/datasets\/([^/]+)$/, (s, m) => {
    act(s, `forget ${m[1]}`);
    s.world.datasets.splice(s.world.datasets.indexOf(one(s, m)), 1);
    return {};
  }],
  [/^GET \/v1\/transfers$/, (s, m, q) => page_of(s.world.transfers.filter((t) => (!q.get("state") || t.state === q.get("state")) && (!q.get("dataset") || t.dataset === q.get("dataset"))), q, "id")],
  [/^POST \/v1\/transfers\/(\d+)\/cancel$/, (s, m) => {
    act(s, `stop ${m[1]}`);
    Object.assign(s.world.transfers.find((t) => t.id === Number(m[1])), { state: "cancelled", ended_at: at(0) });
    return call(s, "stop", null, {});
  }],
  [/^GET \/v1\/links$/, (s, m, q) => {
    const site = q.get("site");
    return { items: s.world.links.filter((l) => (!site || l.from === site || l.to === site) && (q.get("busy") !== "true" || l.active > 0 || l.promised > 0)), next_cursor: null };
  }],
  [/^PATCH \/v1\/links\/([^/]+)\/([^/]+)$/, (s, m, q, body) => {
    act(s, `link ${m[1]} ${m[2]} ${body}`);
    let l = s.world.links.find((x) => x.from === m[1] && x.to === m[2]);
    if (!l) s.world.links.push((l = link(m[1], m[2], { rate: null })));
    return Object.assign(l, JSON.parse(body));
  }],
  [/^GET \/v1\/queue$/, (s) => queue(s)],
  [/^GET \/v1\/workers$/, (s, m, q) => ({ items: workers(s).filter((k) => !q.get("site") || k.site === q.get("site")), next_cursor: null })],
  [/^GET \/v1\/workers\/(\d+)$/, (s, m) => workers(s).find((k) => k.id === Number(m[1])) ?? null],
  [/^GET \/v1\/insights\/(\w+)$/, (s, m, q) => insight(m[1], q.get("range"))],
  [/^GET \/v1\/openapi\.json$/, () => openapi],
];

// Five-minute steps of a day with a busy afternoon and a site that was gone for a while.
function insight(plot, range) {
  const n = range === "1h" ? 12 : 288;
  const step = 300;
  const times = Array.from({ length: n }, (_, i) => new Date(START - (n - i) * step * 1000).toISOString());
  const wave = (a, b, seed) => times.map((_, i) => Math.max(0, a + b * Math.sin((i + seed) / 40) + ((i * 7919 + seed * 31) % 13) - 6));
  const series = (name, values, site = null, unit = "") => ({ name, unit, site, values });
  const all = {
    jobs: () => [series("ready", wave(400, 380, 5)), series("running", wave(300, 120, 60)), series("succeeded", wave(90, 30, 3)), series("failed", wave(3, 2, 9)), series("cancelled", wave(0, 1, 1))],
    waits: () => [series("p50", wave(22, 18, 7), null, "seconds"), series("p95", wave(120, 90, 12), null, "seconds")],
    use: () => ["alpha", "beta", "gamma"].map((site, k) => series("use", times.map((_, i) => (site === "beta" && i > n / 2 ? null : Math.min(1, Math.max(0, 0.55 + 0.5 * Math.sin((i + 90 * k) / 45))))), site)),
    bytes: () => ["alpha", "gamma"].map((site, k) => series("moved", wave(60 * GIB, 50 * GIB, 30 + 40 * k), site, "bytes")),
    local: () => ["alpha", "gamma"].flatMap((site, k) => [series("read", wave(400 * GIB, 200 * GIB, 20 + 30 * k), site, "bytes"), series("moved", wave(60 * GIB, 50 * GIB, 30 + 40 * k), site, "bytes")]),
    passes: () => [series("mean", times.map((_, i) => 0.002 + 0.001 * Math.sin(i / 20)), null, "seconds")],
    failures: () => [["alpha", "exit", 3], ["alpha", "memory_limit", 1], ["gamma", "exit", 41], ["gamma", "disk_full", 7], ["beta", "lost", 12]].map(([site, name, c]) => series(name, times.map((_, i) => (i < c ? 1 : 0)), site)),
    launch: () => ["alpha", "gamma"].flatMap((site, k) => [series("p50", wave(1 + k, 0.5, 3), site, "seconds"), series("p95", wave(8 + 20 * k, 6, 3), site, "seconds")]),
  };
  return all[plot] ? { plot, from: times[0], to: at(0), step, times, series: all[plot]() } : null;
}

const ref = (name) => ({ $ref: `#/components/schemas/${name}` });
const openapi = {
  openapi: "3.1.0", info: { title: "Reeve", version: "0.1.0" },
  paths: {
    "/v1/jobs/{id}": { get: { summary: "one job", operationId: "api_job", "x-reeve-rule": "user", parameters: [{ name: "id", in: "path", required: true, schema: { type: "integer" }, description: "number of the job" }, { name: "If-None-Match", in: "header", schema: { type: "string" } }], responses: { 200: { description: "ok", content: { "application/json": { schema: ref("job") } } }, 404: { $ref: "#/components/responses/problem_404" } } } },
    "/v1/jobs:cancel": { post: { summary: "stop all jobs that a filter finds", operationId: "api_many_cancel", "x-reeve-rule": "submitter", "x-reeve-scope": "jobs:write", parameters: [{ name: "dry_run", in: "query", schema: { type: "boolean" }, description: "only check" }], requestBody: { content: { "application/json": { schema: { type: "object", required: ["ids"], properties: { ids: { type: "array", items: { type: "integer" }, description: "numbers of jobs" }, state: { type: "string", enum: ["active", "accepted"], description: HOSTILE } } } } } }, responses: { 202: { description: "what was found", content: { "application/json": { schema: { type: "object", properties: { matched: { type: "integer" } } } } } } } } },
    "/v1/sites": { get: { summary: "sites with health, capacity and use", operationId: "api_sites", "x-reeve-rule": "user", parameters: [], responses: { 200: { description: "ok", content: { "application/json": { schema: { type: "object", properties: { items: { type: "array", items: ref("site") } } } } } } } } },
  },
  components: { schemas: { job: { type: "object", properties: { id: { type: "integer" }, name: { type: "string" }, tasks: ref("tasks") } }, tasks: { type: "object", properties: { total: { type: "integer" } } }, site: { type: "object", properties: { name: { type: "string" } } } } },
};
