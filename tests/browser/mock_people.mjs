// SPDX-License-Identifier: Apache-2.0
// mock_people.mjs - canned answers about people: users, projects, tokens, sessions, invitations, the audit chain, notices.

const START = Date.now();
const at = (s) => new Date(START - s * 1000).toISOString();

export function people_scene(HOSTILE) {
  return {
    me: { name: "ann", role: "admin", projects: ["phage", "default"], memberships: [{ project: "phage", role: "admin", max_live: null }, { project: "default", role: "submitter", max_live: 5000 }], sites: ["alpha"], by: "session", scopes: null, has_password: true },
    ways: { password: false, oidc: null, setup: false },
    users: [
      { name: "ann", role: "admin", projects: ["phage", "default"], has_password: true, created_at: at(9e6), disabled_at: null, seen_at: at(3) },
      { name: "bob", role: "submitter", projects: ["phage"], has_password: false, created_at: at(8e5), disabled_at: null, seen_at: null },
      { name: "eve", role: "viewer", projects: [], has_password: true, created_at: at(7e5), disabled_at: at(5000), seen_at: at(90000) },
    ],
    tokens: [
      { id: 1, name: `laptop ${HOSTILE}`, prefix: "reeve_ab12", created_at: at(9e5), expires_at: at(-9e5), last_used_at: at(60), revoked_at: null, scopes: ["jobs:read", "jobs:write"], project: "phage" },
      { id: 2, name: "old", prefix: "reeve_cd34", created_at: at(9e6), expires_at: null, last_used_at: null, revoked_at: at(100), scopes: null, project: null },
    ],
    sessions: [
      { id: 1, created_at: at(3600), seen_at: at(2), expires_at: at(-9000), address: "192.0.2.7", agent: "Mozilla/5.0 (X11; Linux x86_64) Firefox/128.0", current: true },
      { id: 2, created_at: at(7200), seen_at: at(900), expires_at: at(-4000), address: "192.0.2.9", agent: HOSTILE, current: false },
    ],
    identities: [{ id: 3, issuer: "https://login.example.org/realms/lab", subject: `f3a1-${HOSTILE}`, made_at: at(9e5), used_at: at(600) }],
    settings: [
      { name: "listen", value: "0.0.0.0:8080", default: "127.0.0.1:8080", source: "file", where: "/etc/reeve/reeve.yaml:3", secret: false, help: "Where pages and API are served." },
      { name: "database", value: null, default: "", source: "command line", where: null, secret: true, help: "Connection string." },
      { name: "lease", value: "30m", default: "30m", source: "default", where: null, secret: false, help: "How long an attempt may run without word." },
    ],
    projects: [
      { name: "phage", share: 2, max_cpus: 64, max_tasks: null, max_live: 10000, usage: 812.5, usage_at: at(9), used: { cpus: 12, tasks: 12, live: 400 }, role: "admin", created_at: at(9e6), members: [{ user: "ann", role: "admin", max_live: null, live: 380, added_by: "reeve", added_at: at(9e6) }, { user: "bob", role: "submitter", max_live: 100, live: 20, added_by: "ann", added_at: at(8e5) }] },
      { name: "default", share: 1, max_cpus: null, max_tasks: null, max_live: null, usage: 0, usage_at: at(9), used: { cpus: 0, tasks: 0, live: 0 }, role: "submitter", created_at: at(9e6), members: [] },
    ],
    invitations: [{ id: 4, role: "submitter", project: "phage", project_role: "submitter", note: "the new postdoc", made_by: "ann", made_at: at(4000), expires_at: at(-90000), used_at: null, used_by: null }],
    audit: Array.from({ length: 60 }, (_, i) => ({ seq: 160 - i, at: at(10 + i * 300), actor: i % 3 ? "ann" : "bob", action: i % 3 ? "POST /v1/sites/{name}/drain" : "POST /v1/users", object: i % 3 ? "/v1/sites/alpha/drain" : "/v1/users", detail: i === 1 ? HOSTILE : i % 3 ? "disk exchange" : "refused: denied", project: null, site: null, hash: "ab".repeat(32) })),
    subscriptions: [{ id: 1, name: "my jobs", way: "page", target: null, kinds: ["job.succeeded", "job.failed"], mine: true, project: null, job: null, site: null, confirmed: true, paused_at: null, paused_why: null, created_at: at(9e6), last_sent_at: at(60) }],
    notices: [
      { id: 17, subscription: 1, at: at(60), sentence: `2 of your jobs failed: 1038 ${HOSTILE}`, counts: { "job.failed": 2 }, count: 2, events: [{ seq: 1, at: at(60), kind: "job.failed", job: 1038, job_name: "x", project: "phage", site: null, text: "failed" }, { seq: 2, at: at(61), kind: "job.failed", job: 1037, job_name: "y", project: "phage", site: null, text: "failed" }], read_at: null },
      { id: 16, subscription: 1, at: at(4000), sentence: "your job 1039 (split-reads) succeeded", counts: { "job.succeeded": 1 }, count: 1, events: [{ seq: 3, at: at(4000), kind: "job.succeeded", job: 1039, job_name: "split-reads", project: "phage", site: null, text: "succeeded" }], read_at: at(3000) },
    ],
    links: { "good-invite": { kind: "invite", name: null, role: "submitter", project: "phage", project_role: "submitter", expires_at: at(-9000) }, "good-reset": { kind: "reset", name: "bob", role: null, project: null, project_role: null, expires_at: at(-9000) }, "good-setup": { kind: "setup", name: null, role: "admin", project: null, project_role: null, expires_at: at(-900) } },
    trial: { able: true, why: null, state: "none", site: null, user: "reeve", steps: [], message: null },
    checks: [{ name: "database", state: "ok", text: "PostgreSQL 15.8 answers in 0.4 ms", fix: null }, { name: "tls", state: "warn", text: "pages and tokens travel unencrypted", fix: "set tls_certificate and tls_key" }, { name: "engine", state: "failed", text: "no engine holds the lease", fix: "start reeved with the engine role" }],
    acts: [],
  };
}

const list = (items) => ({ items, next_cursor: null });
const gone = { status: 404, title: "not found", code: "not_found", detail: "the link is unknown, used or over" };
const said = (s, what, reply = {}) => {
  s.people.acts.push(what);
  return reply;
};

// As `routes` of mock.mjs.
export const people_routes = [
  [/^GET \/v1\/tokens$/, (s) => list(s.people.tokens)],
  [/^POST \/v1\/tokens$/, (s, m, q, body) => {
    const b = JSON.parse(body);
    s.people.tokens.unshift({ id: 9, prefix: "reeve_new1", created_at: at(0), last_used_at: null, revoked_at: null, expires_at: null, scopes: null, project: null, ...b });
    return said(s, `token ${body}`, { id: 9, name: b.name, token: `reeve_${"n".repeat(49)}`, expires_at: b.expires_at ?? null, scopes: b.scopes ?? null, project: b.project ?? null });
  }],
  [/^DELETE \/v1\/tokens\/(\d+)$/, (s, m) => ((s.people.tokens.find((t) => t.id === Number(m[1])).revoked_at = at(0)), said(s, `revoke ${m[1]}`))],
  [/^GET \/v1\/sessions$/, (s) => list(s.people.sessions)],
  [/^DELETE \/v1\/sessions(?:\/(\d+))?$/, (s, m) => ((s.people.sessions = s.people.sessions.filter((x) => (m[1] ? x.id !== Number(m[1]) : x.current))), said(s, `end ${m[1] ?? "others"}`))],
  [/^GET \/v1\/me\/identities$/, (s) => list(s.people.identities)],
  [/^DELETE \/v1\/me\/identities\/(\d+)$/, (s, m) => ((s.people.identities = []), said(s, `unlink ${m[1]}`))],
  [/^POST \/v1\/login-links$/, (s) => said(s, "code", { url: "/#code=a-code-for-the-shell", expires_at: at(-600) })],
  [/^GET \/v1\/config$/, (s) => list(s.people.settings)],
  [/^POST \/v1\/me\/password$/, (s, m, q, body) => (JSON.parse(body).current === "wrong wrong wrong" ? { status: 422, title: "the request is wrong", code: "bad_input", detail: "1 thing is wrong", errors: [{ pointer: "/current", code: "conflict", detail: "is not the current password" }] } : said(s, `password ${body}`))],
  [/^GET \/v1\/users$/, (s) => list(s.people.users)],
  [/^POST \/v1\/users$/, (s, m, q, body) => {
    const u = { has_password: false, created_at: at(0), disabled_at: null, seen_at: null, ...JSON.parse(body) };
    s.people.users.push(u);
    return said(s, `user ${u.name}`, u);
  }],
  [/^PATCH \/v1\/users\/([^/]+)$/, (s, m, q, body) => {
    const u = s.people.users.find((x) => x.name === m[1]);
    const { disabled, ...rest } = JSON.parse(body);
    if (disabled !== undefined) u.disabled_at = disabled ? at(0) : null;
    return said(s, `change ${m[1]} ${body}`, Object.assign(u, rest));
  }],
  [/^POST \/v1\/users\/([^/]+)\/password-link$/, (s, m) => said(s, `link ${m[1]}`, { url: "/#reset=good-reset", expires_at: at(-86400) })],
  [/^DELETE \/v1\/users\/([^/]+)\/sessions$/, (s, m) => said(s, `out ${m[1]}`)],
  [/^GET \/v1\/projects$/, (s) => list(s.people.projects)],
  [/^GET \/v1\/projects\/([^/]+)$/, (s, m) => s.people.projects.find((p) => p.name === m[1]) ?? null],
  [/^(POST|PATCH) \/v1\/projects(?:\/([^/]+))?$/, (s, m, q, body) => {
    const b = JSON.parse(body);
    let p = s.people.projects.find((x) => x.name === m[2]);
    if (!p) s.people.projects.push((p = { ...s.people.projects[1], members: [] }));
    return said(s, `project ${body}`, Object.assign(p, b));
  }],
  [/^POST \/v1\/projects\/([^/]+)\/members$/, (s, m, q, body) => {
    const b = JSON.parse(body);
    const p = s.people.projects.find((x) => x.name === m[1]);
    const old = p.members.find((x) => x.user === b.user);
    if (old) Object.assign(old, b);
    else p.members.push({ live: 0, added_by: "ann", added_at: at(0), ...b });
    return said(s, `member ${body}`, b);
  }],
  [/^DELETE \/v1\/projects\/([^/]+)\/members\/([^/]+)$/, (s, m) => {
    const p = s.people.projects.find((x) => x.name === m[1]);
    p.members = p.members.filter((x) => x.user !== m[2]);
    return said(s, `takes ${m[2]} out`);
  }],
  [/^GET \/v1\/(?:projects\/[^/]+\/)?invitations$/, (s) => list(s.people.invitations)],
  [/^POST \/v1\/(?:projects\/[^/]+\/)?invitations$/, (s, m, q, body) => said(s, `invite ${body}`, { id: 5, url: "/#invite=good-invite", expires_at: at(-9000) })],
  [/^DELETE \/v1\/(?:projects\/[^/]+\/)?invitations\/(\d+)$/, (s, m) => ((s.people.invitations = []), said(s, `withdraw ${m[1]}`))],
  [/^GET \/v1\/audit$/, (s, m, q) => list(s.people.audit.filter((r) => (!q.get("actor") || r.actor === q.get("actor")) && (!q.get("action") || r.action.startsWith(q.get("action")))).slice(0, 50))],
  [/^GET \/v1\/audit\/check$/, (s, m, q) => (Number(q.get("from")) < 100 ? { from: 1, to: 100, broken: null, hash: "ab", next: 101 } : { from: 101, to: 160, broken: s.people.broken ?? null, hash: "ab", next: null })],
  [/^GET \/v1\/setup\/checks$/, (s) => ({ items: s.people.checks })],
  [/^GET \/v1\/sites\/[^/]+\/admins$/, () => list([{ user: "bob", by: "ann", at: at(9000) }])],
  [/^GET \/v1\/setup\/try$/, (s) => (trial_next(s.people.trial), s.people.trial)],
  [/^POST \/v1\/setup\/try$/, (s) => (trial_begin(s.people.trial, "beginning", BEGINNING), said(s, "try", s.people.trial))],
  [/^DELETE \/v1\/setup\/try$/, (s) => (trial_begin(s.people.trial, "ending", ENDING), said(s, "untry", s.people.trial))],
  [/^GET \/v1\/version$/, () => ({ version: "0.1.0", api: "v1" })],
  [/^GET \/v1\/subscriptions$/, (s) => list(s.people.subscriptions)],
  [/^POST \/v1\/subscriptions$/, (s, m, q, body) => {
    const b = JSON.parse(body);
    const one = { ...s.people.subscriptions[0], target: null, paused_at: null, last_sent_at: null, ...b, id: s.people.subscriptions.length + 1, confirmed: b.way !== "mail" };
    s.people.subscriptions.push(one);
    return said(s, `subscribe ${body}`, { ...one, ...(b.way === "webhook" ? { secret: "whsec_" + "s".repeat(40) } : {}) });
  }],
  [/^POST \/v1\/subscriptions\/(\d+)\/(test|confirm)$/, (s, m) => said(s, `${m[2]} ${m[1]}`, { notice: 18 })],
  [/^PATCH \/v1\/subscriptions\/(\d+)$/, (s, m, q, body) => {
    const one = s.people.subscriptions.find((x) => x.id === Number(m[1]));
    one.paused_at = JSON.parse(body).paused ? at(0) : null;
    return said(s, `pause ${m[1]} ${body}`, one);
  }],
  [/^DELETE \/v1\/subscriptions\/(\d+)$/, (s, m) => ((s.people.subscriptions = s.people.subscriptions.filter((x) => x.id !== Number(m[1]))), said(s, `unsubscribe ${m[1]}`))],
  [/^GET \/v1\/notices$/, (s) => ({ items: s.people.notices, next_cursor: null, unread: s.people.notices.filter((n) => !n.read_at).length })],
  [/^POST \/v1\/notices:read$/, (s, m, q, body) => {
    for (const n of s.people.notices) n.read_at ??= at(0);
    return said(s, `read ${body}`, { unread: 0 });
  }],
];

// This machine as a site: each look finds one more step done.
const BEGINNING = ["server", "site", "key", "login", "open", "up"];
const ENDING = ["jobs", "close", "worker", "remove"];
function trial_begin(t, state, names) {
  Object.assign(t, { state, site: "this-machine", message: null, steps: names.map((name) => ({ name, state: "waiting", text: null })) });
}
function trial_next(t) {
  const at = t.steps.findIndex((s) => s.state !== "ok");
  if (t.state !== "beginning" && t.state !== "ending") return;
  if (at >= 0 && t.fails === t.steps[at].name) {
    Object.assign(t.steps[at], { state: "failed", text: t.why_fails });
    Object.assign(t, { state: "failed", message: t.why_fails });
  } else if (at >= 0) {
    Object.assign(t.steps[at], { state: "ok", text: `${t.steps[at].name} is well` });
    if (t.steps[at + 1]) t.steps[at + 1].state = "running";
  }
  if (t.steps.every((s) => s.state === "ok")) Object.assign(t, t.state === "beginning" ? { state: "ready" } : { state: "none", site: null });
}

// What nobody has to be signed in for; `enter` gives the cookie.
export function people_public(scene, what, body, enter) {
  const s = { people: scene };
  if (what === "GET /v1/login") return scene.ways;
  if (what === "POST /v1/invitations:look") return scene.links[JSON.parse(body).code] ?? gone;
  if (what === "POST /v1/invitations:use" || what === "POST /v1/setup") {
    const b = JSON.parse(body);
    if (!scene.links[b.code]) return gone;
    delete scene.links[b.code];
    said(s, `${what} ${b.name ?? ""}`);
    return enter();
  }
  return null;
}
