// SPDX-License-Identifier: Apache-2.0
// jobs_filter.ts - the query bar of the list of jobs: words into the filters of GET /v1/jobs, and back. Pure.
//
//   state:failed project:phage user:ann site:alpha name:align* label:sample=lambda id:12,14 age<2d age>3h   name:"with spaces"
//
// A word without a name is the beginning of a job's name, or the number of a job; in quotes it is any part of a name.

export const FILTERS = ["state", "project", "user", "name", "site", "label", "ids", "since", "until"] as const;
export type FilterName = (typeof FILTERS)[number];
export type Filter = Partial<Record<FilterName, string>>;
export const STATES = ["accepted", "active", "succeeded", "failed", "cancelled"];

export interface Parsed {
  filter: Filter;
  // What is wrong, each with the word that is.
  errors: { word: string; why: "unknown" | "twice" | "empty" | "state" | "label" | "ids" | "quote" | "time" }[];
}

const names: Record<string, FilterName> = {
  state: "state", project: "project", user: "user", name: "name", site: "site", label: "label", id: "ids", ids: "ids", job: "ids", since: "since", until: "until",
};
// What may be written before the colon, and with an age, for those who look for words.
export const NAMES = ["state:", "project:", "user:", "name:", "site:", "label:", "id:", "age<", "age>"];

const TIME = /^(\d+(\.\d+)?(ms|s|m|h|d))+$|^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d))?$/;

interface Word {
  text: string;
  quoted: boolean; // all of it
}

function words_of(text: string): Word[] | null {
  const out: Word[] = [];
  let word = "";
  let begins_quoted = false;
  let quoted = false;
  let any = false;
  for (const c of text) {
    if (c === '"') {
      if (!any) begins_quoted = true;
      quoted = !quoted;
      any = true;
    } else if (/\s/.test(c) && !quoted) {
      if (any) out.push({ text: word, quoted: begins_quoted });
      word = "";
      any = begins_quoted = false;
    } else {
      word += c;
      any = true;
    }
  }
  if (quoted) return null;
  if (any) out.push({ text: word, quoted: begins_quoted });
  return out;
}

function pair_of({ text: word, quoted }: Word): [FilterName | null, string] {
  if (quoted) return ["name", `*${word}*`];
  const age = /^age([<>])=?(.*)$/i.exec(word);
  if (age) return [age[1] === "<" ? "since" : "until", age[2]!];
  const colon = word.indexOf(":");
  if (colon > 0) return [names[word.slice(0, colon).toLowerCase()] ?? null, word.slice(colon + 1)];
  return /^\d{1,15}$/.test(word) ? ["ids", word] : ["name", word.endsWith("*") ? word : `${word}*`];
}

function fault_of(name: FilterName, value: string): "empty" | "state" | "label" | "ids" | "time" | null {
  if (value === "" || value === "**") return "empty";
  if ((name === "since" || name === "until") && !TIME.test(value)) return "time";
  if (name === "state" && !STATES.includes(value)) return "state";
  if (name === "label" && !/^[^:]+:/.test(value)) return "label";
  if (name === "ids" && !/^\d{1,15}(,\d{1,15}){0,199}$/.test(value)) return "ids";
  return null;
}

export function filter_parse(text: string): Parsed {
  const parsed: Parsed = { filter: {}, errors: [] };
  const words = words_of(text);
  if (words === null) return { filter: {}, errors: [{ word: text, why: "quote" }] };
  for (const each of words) {
    const word = each.text;
    const [name, said] = pair_of(each);
    if (name === null) {
      parsed.errors.push({ word, why: "unknown" });
      continue;
    }
    // People write label:k=v, the API says k:v.
    const value = name === "label" ? said.replace(/^([^:=]+)=/, "$1:") : said;
    const fault = fault_of(name, value);
    if (fault) parsed.errors.push({ word, why: fault });
    else if (parsed.filter[name] !== undefined) parsed.errors.push({ word, why: "twice" });
    else parsed.filter[name] = value;
  }
  return parsed;
}

const quoted = (value: string) => (/\s/.test(value) ? `"${value}"` : value);

export function filter_text(filter: Filter): string {
  return FILTERS.filter((n) => filter[n])
    .map((n) => {
      const value = filter[n]!;
      if (n === "label") return quoted(`label:${value.replace(":", "=")}`);
      if (n === "name" && /^\*.+\*$/.test(value)) return `"${value.slice(1, -1)}"`;
      if ((n === "since" || n === "until") && !value.includes("-")) return `age${n === "since" ? "<" : ">"}${value}`;
      return quoted(`${n === "ids" ? "id" : n}:${value}`);
    })
    .join(" ");
}

// The filter that an address holds; what does not fit is left out.
export function filter_of(query: URLSearchParams): Filter {
  const filter: Filter = {};
  for (const n of FILTERS) {
    const value = query.get(n);
    if (value && fault_of(n, value) === null) filter[n] = value;
  }
  return filter;
}

// A day alone is midnight UTC: the server wants a whole moment.
export const filter_asked = (f: Filter): Filter => {
  const whole = (t: string | undefined) => (t && /^\d{4}-\d\d-\d\d$/.test(t) ? `${t}T00:00:00Z` : t);
  const { since, until, ...rest } = f;
  return { ...rest, ...(since ? { since: whole(since)! } : {}), ...(until ? { until: whole(until)! } : {}) };
};

const options: Record<Exclude<FilterName, "ids">, string> = {
  state: "--state", project: "--project", user: "--user", name: "--name", site: "--site", label: "--label", since: "--since", until: "--until",
};

// The same filter for the command line, as words.
export function filter_options(filter: Filter): string[] {
  return FILTERS.flatMap((n) => {
    const value = filter[n];
    if (!value) return [];
    if (n === "ids") return [value];
    return [options[n], n === "label" ? value.replace(":", "=") : value];
  });
}
