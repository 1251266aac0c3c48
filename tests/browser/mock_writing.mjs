// SPDX-License-Identifier: Apache-2.0
// mock_writing.mjs - canned answers of what helps to write a job: scripts read, directives, hints, templates.

const KINDS = [
  { mark: "REEVE", option: "--memory", letter: "m", value: "SIZE", many: false, outcome: "used", help: "memory for each task: 300M, 2G" },
  { mark: "SBATCH", option: "--array", letter: "a", value: "LIST", many: false, outcome: "used", help: "many tasks: 1-1000" },
  { mark: "SBATCH", option: "--mail-type", letter: null, value: "VALUE", many: false, outcome: "ignored", help: "Reeve sends no mail" },
  { mark: "SBATCH", option: "--mem", letter: null, value: "SIZE", many: false, outcome: "used", help: "memory of each task: 512 (MiB), 4G" },
  { mark: "SBATCH", option: "--container", letter: null, value: "VALUE", many: false, outcome: "refused", help: "a task runs as the site is, without a container" },
];

// Long options with "=" only, one a line.
function script_read({ script, name }) {
  const job = { name, script };
  const directives = [];
  script.split("\n").forEach((text, i) => {
    const m = /^#(SBATCH|REEVE) (--[\w-]+)=(\S+)/.exec(text);
    if (!m) return;
    const kind = KINDS.find((k) => k.mark === m[1] && k.option === m[2]);
    const outcome = kind?.outcome ?? (m[2] === "--job-name" ? "used" : "refused");
    const sentence = outcome === "used" ? null : `${m[2]} ${kind ? `is ${outcome}: ${kind.help}` : "is no option of sbatch"}`;
    directives.push({ line: i + 1, mark: m[1], option: m[2], value: m[3], outcome, sentence });
    if (m[2] === "--array") job.array = m[3];
    if (m[2] === "--job-name") job.name = m[3];
    if (m[2] === "--mem" || m[2] === "--memory") job.resources = { ...job.resources, memory: m[3] };
  });
  const count = (o) => directives.filter((d) => d.outcome === o).length;
  return { job: count("refused") ? null : job, directives, used: count("used"), differs: 0, ignored: count("ignored"), refused: count("refused") };
}

export const writing_scene = (HOSTILE) => ({
  scripts: 0,
  next: 9,
  templates: [
    {
      id: 3, name: "align", description: `Reads against a reference. ${HOSTILE}`, project: "phage", by: "bob", version: 4, made_at: "2026-11-01T00:00:00.000Z", changed_at: "2026-11-20T00:00:00.000Z", may_change: true,
      parameters: [
        { name: "reads", kind: "dataset", label: "Reads", help: "", default: null, choices: null, min: null, max: null },
        { name: "cores", kind: "integer", label: "Cores", help: "at work at once", default: 4, choices: null, min: 1, max: 64 },
        { name: "ref", kind: "choice", label: "Reference", help: HOSTILE, default: "hg38", choices: ["hg38", "mm10"], min: null, max: null },
        { name: "quick", kind: "switch", label: "", help: "", default: false, choices: null, min: null, max: null },
      ],
      job: { script: "#!/bin/sh\nbowtie2 -p {{cores}} -x {{ref}} {{reads}}\n", inputs: ["{{reads}}"], env: { QUICK: "{{quick}}" } },
    },
  ],
});

function fill(t, values) {
  const all = Object.fromEntries(t.parameters.map((p) => [p.name, values[p.name] ?? p.default]));
  const errors = t.parameters.flatMap((p) => {
    const v = all[p.name];
    if (v === null) return [{ pointer: `/values/${p.name}`, code: "missing", detail: "must be given" }];
    if (p.kind === "integer" && (!Number.isInteger(v) || v > (p.max ?? Infinity))) return [{ pointer: `/values/${p.name}`, code: "range", detail: `must be at most ${p.max}` }];
    return [];
  });
  if (errors.length) return { status: 422, title: "the values are not good", code: "bad_input", detail: `${errors.length} fields are wrong`, errors };
  const put = (v) => (typeof v === "string" ? (/^\{\{(\w+)\}\}$/.test(v) ? all[v.slice(2, -2)] : v.replace(/\{\{(\w+)\}\}/g, (_, n) => all[n])) : Array.isArray(v) ? v.map(put) : v && typeof v === "object" ? Object.fromEntries(Object.entries(v).map(([k, x]) => [k, put(x)])) : v);
  const job = put(t.job);
  if (job.env) job.env = Object.fromEntries(Object.entries(job.env).map(([k, v]) => [k, String(v)]));
  return { job: { ...job, labels: { template: t.name } } };
}

const slim = ({ job, ...t }) => t;
const whole = (p) => ({ label: "", help: "", default: null, choices: null, min: null, max: null, ...p });
const of = (s, m) => s.writing.templates.find((t) => t.id === Number(m[1]));

export const writing_routes = [
  [/^POST \/v1\/jobs:script$/, (s, m, q, body) => (s.writing.scripts++, script_read(JSON.parse(body)))],
  [/^GET \/v1\/jobs:directives$/, () => ({ items: KINDS })],
  [/^GET \/v1\/jobs:hints$/, (s, m, q) => ({
    names: [{ name: "bowtie2", jobs: 12 }, { name: "count", jobs: 3 }],
    past: null,
    suggest: q.get("name") === "bowtie2" ? [{ member: "memory", value: 4294967296, text: "4G", sentence: "Your last 12 runs of this name used at most 3.1 GiB of memory a task; the most that was asked for is 16 GiB." }] : [],
  })],
  [/^GET \/v1\/templates$/, (s) => ({ items: s.writing.templates.map(slim), next_cursor: null })],
  [/^GET \/v1\/templates\/(\d+)$/, (s, m) => of(s, m) ?? null],
  [/^POST \/v1\/templates$/, (s, m, q, body) => {
    const b = JSON.parse(body);
    if (s.writing.templates.some((t) => t.name === b.name)) return { status: 409, title: "in conflict with what is there", code: "conflict", detail: `there is a template "${b.name}" already`, errors: [] };
    const made = { id: s.writing.next++, project: null, by: "ann", version: 1, made_at: new Date().toISOString(), changed_at: new Date().toISOString(), may_change: true, ...b, parameters: b.parameters.map(whole) };
    s.writing.templates.push(made);
    s.acts.push(`template ${body}`);
    return made;
  }],
  [/^PUT \/v1\/templates\/(\d+)$/, (s, m, q, body) => {
    const b = JSON.parse(body);
    if (JSON.stringify(b.job).includes("{{nope}}")) return { status: 422, title: "the template is not good", code: "bad_input", detail: "1 field is wrong", errors: [{ pointer: "/job/script", code: "unknown", detail: "{{nope}} is no parameter" }] };
    if (q.get("dry_run") !== "true") Object.assign(of(s, m), b, { version: b.version + 1, parameters: b.parameters.map(whole) });
    return of(s, m);
  }],
  [/^DELETE \/v1\/templates\/(\d+)$/, (s, m) => {
    s.acts.push(`remove template ${m[1]}`);
    s.writing.templates = s.writing.templates.filter((t) => t.id !== Number(m[1]));
    return {};
  }],
  [/^POST \/v1\/templates\/(\d+)\/fill$/, (s, m, q, body) => fill(of(s, m), JSON.parse(body).values)],
];
