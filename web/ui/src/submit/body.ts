// SPDX-License-Identifier: Apache-2.0
// body.ts - a job in the form's fields, as the API takes it, as a command line, and back again. Pure.
//
// The form leaves all judging to the server: what is no number is sent as it was written, and the answer names the field.

import { argv_of } from "../argv";
import { shell_word } from "../format";
import type { Job, Spec } from "../types";
import { w } from "./words";

export type Body = Record<string, unknown>;
export type Values = Record<string, string>;

export interface Field {
  name: string;
  label: string;
  hint?: string;
  basic: boolean;
  pointer: string; // where the API says that it is wrong
  lines?: number;
  // Into the body; only called when there is something.
  put: (body: Body, value: string) => void;
  options: (value: string) => string[];
}

export const list_of = (value: string) =>
  value
    .split(",")
    .map((v) => v.trim())
    .filter(Boolean);

const number_of = (v: string): number | string => (/^-?\d{1,15}$/.test(v) ? Number(v) : v);
const pairs_of = (parts: string[]) =>
  parts.map((p): [string, string] => {
    const at = p.indexOf("=");
    return at < 0 ? [p, ""] : [p.slice(0, at), p.slice(at + 1)];
  });
const lines_of = (v: string) => v.split("\n").map((l) => l.trim()).filter(Boolean);

function resource(body: Body, name: string, value: unknown): void {
  body["resources"] = { ...(body["resources"] as Body | undefined), [name]: value };
}

const one = (option: string) => (v: string) => [option, v];
const each = (option: string) => (v: string) => list_of(v).flatMap((x) => [option, x]);

export const fields: Field[] = [
  { name: "name", label: w.name, hint: w.name_hint, basic: true, pointer: "/name", put: (b, v) => (b["name"] = v), options: one("--name") },
  { name: "array", label: w.array, hint: w.array_hint, basic: true, pointer: "/array", put: (b, v) => (b["array"] = v), options: one("--array") },
  { name: "cpus", label: w.cpus, hint: w.cpus_hint, basic: true, pointer: "/resources/cpus", put: (b, v) => resource(b, "cpus", number_of(v)), options: one("--cpus") },
  { name: "memory", label: w.memory, hint: w.memory_hint, basic: true, pointer: "/resources/memory", put: (b, v) => resource(b, "memory", v), options: one("--memory") },
  { name: "time_limit", label: w.time_limit, hint: w.time_limit_hint, basic: true, pointer: "/time_limit", put: (b, v) => (b["time_limit"] = v), options: one("--time") },
  { name: "inputs", label: w.inputs, hint: w.inputs_hint, basic: true, pointer: "/inputs", put: (b, v) => (b["inputs"] = list_of(v)), options: each("--input") },
  { name: "outputs", label: w.outputs, hint: w.outputs_hint, basic: true, pointer: "/outputs", put: (b, v) => (b["outputs"] = list_of(v)), options: each("--output") },
  { name: "gpus", label: w.gpus, basic: false, pointer: "/resources/gpus", put: (b, v) => resource(b, "gpus", number_of(v)), options: one("--gpus") },
  { name: "sites", label: w.sites, hint: w.sites_hint, basic: false, pointer: "/sites", put: (b, v) => (b["sites"] = list_of(v)), options: each("--site") },
  { name: "after", label: w.after, hint: w.after_hint, basic: false, pointer: "/after", put: (b, v) => (b["after"] = list_of(v).map(number_of)), options: (v) => ["--after", list_of(v).join(",")] },
  { name: "priority", label: w.priority, hint: w.priority_hint, basic: false, pointer: "/priority", put: (b, v) => (b["priority"] = number_of(v)), options: one("--priority") },
  { name: "retries", label: w.retries, hint: w.retries_hint, basic: false, pointer: "/retry/max", put: (b, v) => (b["retry"] = { ...(b["retry"] as Body | undefined), max: number_of(v) }), options: one("--retries") },
  { name: "labels", label: w.labels, hint: w.labels_hint, basic: false, pointer: "/labels", put: (b, v) => (b["labels"] = Object.fromEntries(pairs_of(list_of(v)))), options: each("--label") },
  { name: "workdir", label: w.workdir, hint: w.workdir_hint, basic: false, pointer: "/workdir", put: (b, v) => (b["workdir"] = v), options: one("--workdir") },
  { name: "env", label: w.env, hint: w.env_hint, basic: false, pointer: "/env", lines: 3, put: (b, v) => (b["env"] = Object.fromEntries(pairs_of(lines_of(v)))), options: (v) => lines_of(v).flatMap((l) => ["--env", l]) },
];

// The body, or what is missing in words.
export function body_of(v: Values, extra: Body): Body | string {
  const body: Body = { ...extra };
  if (v["mode"] === "script") {
    if (!v["script"]?.replace(/^#!.*\n?/, "").trim()) return w.empty;
    body["script"] = v["script"].replaceAll("\r\n", "\n");
  } else {
    const argv = argv_of(v["command"] ?? "");
    if (argv === null) return w.quote_open;
    if (argv.length === 0) return w.empty;
    body["command"] = argv;
  }
  if (v["project"]) body["project"] = v["project"];
  for (const f of fields) {
    const value = v[f.name]?.trim();
    if (value) f.put(body, value);
  }
  return body;
}

export function command_of(v: Values): string {
  const options = v["project"] ? ["--project", v["project"]] : [];
  for (const f of fields) {
    const value = v[f.name]?.trim();
    if (value) options.push(...f.options(value));
  }
  if (v["mode"] === "file") return "reeve submit -f job.yaml";
  const what = v["mode"] === "script" ? ["script.sh"] : ["--", ...(argv_of(v["command"] ?? "") ?? [])];
  return ["reeve", "submit", ...options, ...what].map(shell_word).join(" ");
}

function duration(ms: number): string {
  const s = Math.round(ms / 1000);
  const parts = [[86_400, "d"], [3600, "h"], [60, "m"], [1, "s"]] as const;
  let rest = s;
  let text = "";
  for (const [size, unit] of parts) {
    const n = Math.floor(rest / size);
    if (n) text += `${n}${unit}`;
    rest -= n * size;
  }
  return text || "0s";
}

function size(bytes: number): string {
  for (const [unit, n] of [["G", 1024 ** 3], ["M", 1024 ** 2], ["K", 1024]] as const) if (bytes % n === 0) return `${bytes / n}${unit}`;
  return String(bytes);
}

// The form for a job that is there: as it was accepted. What has no field is kept beside it.
export function values_of(j: Job, spec: Spec): { values: Values; extra: Body } {
  const res = (spec["resources"] ?? {}) as { cpus?: number; memory?: number; gpus?: number; custom?: Record<string, number> };
  const retry = (spec["retry"] ?? {}) as { max?: number; on_exit?: { from: number; to: number; action: string }[] };
  const throttle = Number(spec["throttle"] ?? 0);
  const array = j.array ?? (j.first_task === j.last_task && j.first_task === 1 ? "" : j.first_task === j.last_task ? String(j.first_task) : `${j.first_task}-${j.last_task}`);
  const texts = (name: string) => ((spec[name] as string[] | null | undefined) ?? []).join(", ");
  const env = ((spec["env"] as [string, string][] | undefined) ?? []).filter(([, value]) => !value.includes("\n"));
  const values: Values = {
    mode: spec.script ? "script" : "command",
    script: spec.script ?? "",
    command: (spec.command ?? []).map(shell_word).join(" "),
    name: j.name,
    project: j.project,
    array: array && throttle ? `${array}%${throttle}` : array,
    cpus: res.cpus && res.cpus !== 1 ? String(res.cpus) : "",
    memory: res.memory ? size(res.memory) : "",
    gpus: res.gpus ? String(res.gpus) : "",
    time_limit: typeof spec["time_limit_ms"] === "number" ? duration(spec["time_limit_ms"]) : "",
    inputs: texts("inputs"),
    outputs: texts("outputs"),
    sites: texts("sites"),
    priority: j.priority ? String(j.priority) : "",
    retries: retry.max ? String(retry.max) : "",
    labels: Object.entries(j.labels).filter(([k]) => k !== "rerun_of").map(([k, v]) => `${k}=${v}`).join(", "),
    workdir: typeof spec["workdir"] === "string" ? spec["workdir"] : "",
    env: env.map(([k, v]) => `${k}=${v}`).join("\n"),
  };
  const extra: Body = {};
  if (spec.script && spec.args?.length) extra["args"] = spec.args;
  if (retry.on_exit?.length) extra["retry"] = { on_exit: Object.fromEntries(retry.on_exit.map((e) => [e.from === e.to ? String(e.from) : `${e.from}-${e.to}`, e.action])) };
  if (res.custom && Object.keys(res.custom).length) extra["resources"] = res.custom;
  return { values, extra };
}

// A change that the server proposes ("fix": members to be put over the job), put into the fields. What has no field goes
// into what stands beside them.
export function fix_apply(v: Values, extra: Body, fix: Body): { values: Values; extra: Body } {
  const values = { ...v };
  const rest: Body = { ...extra };
  for (const [name, value] of Object.entries(fix)) {
    if (name === "resources" && value && typeof value === "object") {
      for (const [r, n] of Object.entries(value as Record<string, number>)) {
        if (r === "memory") values["memory"] = n ? size(n) : "";
        else if (r === "cpus" || r === "gpus") values[r] = n ? String(n) : "";
        else rest["resources"] = { ...(rest["resources"] as Body | undefined), [r]: n };
      }
    } else if (name === "time_limit" && typeof value === "number") values[name] = duration(value * 1000);
    else if (fields.some((f) => f.name === name)) values[name] = Array.isArray(value) ? value.join(", ") : String(value ?? "");
    else rest[name] = value;
  }
  return { values, extra: rest };
}
