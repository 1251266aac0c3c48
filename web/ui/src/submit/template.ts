// SPDX-License-Identifier: Apache-2.0
// template.ts - jobs with parameters: their form, and making one of a job that is there. Pure.

import type { Body } from "./body";

export type Kind = "text" | "free" | "integer" | "size" | "duration" | "choice" | "switch" | "dataset";

export interface Parameter {
  name: string;
  kind: Kind;
  label: string;
  help: string;
  default: unknown;
  choices: string[] | null;
  min: number | null;
  max: number | null;
}

export interface Template {
  id: number;
  name: string;
  description: string;
  project: string | null;
  by: string;
  version: number;
  changed_at: string;
  may_change: boolean;
  parameters: Parameter[];
  job?: Body;
}

// What the form holds as text, as the server takes it; what nobody wrote is left to the default.
export function value_of(p: Parameter, text: string | undefined): unknown {
  if (text === undefined) return undefined;
  if (p.kind === "integer") return /^-?\d{1,15}$/.test(text.trim()) ? Number(text) : text === "" ? undefined : text;
  if (p.kind === "switch") return text === "true";
  if ((p.kind === "size" || p.kind === "duration") && text.trim() === "") return undefined;
  return text;
}

export function values_of_form(parameters: Parameter[], form: Record<string, string>): Body {
  const values: Body = {};
  for (const p of parameters) {
    const v = value_of(p, form[p.name]);
    if (v !== undefined) values[p.name] = v;
  }
  return values;
}

// Something in a job that may become a parameter.
export interface Candidate {
  path: (string | number)[];
  shown: string; // where it stands
  name: string; // a name for it
  kind: Kind;
  value: string | number | boolean;
}

const PLAIN = /^[A-Za-z0-9 _.,:/@%+=\-\u0080-\u{10ffff}]*$/u;
const TEXT_MAX = 1000;
const CANDIDATES_MAX = 40;
const kind_of = (text: string): Kind => (PLAIN.test(text) ? "text" : "free");

function name_for(text: string, taken: Set<string>): string {
  const base = text.toLowerCase().replace(/[^a-z0-9]+/g, "_").replace(/^[^a-z]+|_+$/g, "").slice(0, 24) || "value";
  let name = base;
  for (let n = 2; taken.has(name); n++) name = `${base}_${n}`;
  taken.add(name);
  return name;
}

export function candidates_of(job: Body): Candidate[] {
  const taken = new Set<string>();
  const found: Candidate[] = [];
  const add = (path: (string | number)[], base: string, kind: Kind, value: unknown) => {
    if (typeof value === "object" || value === undefined || (typeof value === "string" && value.length > TEXT_MAX)) return;
    found.push({ path, shown: path.join("."), name: name_for(base, taken), kind, value: value as string });
  };
  const list = (member: string, kind: (text: string) => Kind, from = 0) =>
    ((job[member] as unknown[] | undefined) ?? []).forEach((v, i) => i >= from && typeof v === "string" && add([member, i], member === "inputs" ? "input" : member === "outputs" ? "output" : "argument", kind(v), v));
  add(["array"], "tasks", "text", job["array"]);
  const resources = (job["resources"] ?? {}) as Body;
  for (const [name, v] of Object.entries(resources)) add(["resources", name], name, name === "memory" ? "size" : "integer", v);
  add(["time_limit"], "time_limit", "duration", job["time_limit"]);
  list("inputs", () => "dataset");
  list("command", kind_of, 1);
  list("args", kind_of);
  list("outputs", () => "text");
  for (const [name, v] of Object.entries((job["env"] ?? {}) as Body)) add(["env", name], name, kind_of(String(v)), v);
  add(["priority"], "priority", "integer", job["priority"]);
  return found.slice(0, CANDIDATES_MAX);
}

// The job with {{names}} in place of what was chosen, and their declarations.
export function template_of(job: Body, chosen: Candidate[]): { job: Body; parameters: Partial<Parameter>[] } {
  const made = structuredClone(job);
  for (const c of chosen) {
    let at = made as Record<string | number, unknown>;
    for (const step of c.path.slice(0, -1)) at = at[step] as Record<string | number, unknown>;
    at[c.path.at(-1)!] = `{{${c.name}}}`;
  }
  return { job: made, parameters: chosen.map((c) => ({ name: c.name, kind: c.kind, default: c.value })) };
}
