// SPDX-License-Identifier: Apache-2.0
// jobs_filter.ts - the query bar of the list of jobs: words into the filters of GET /v1/jobs, and back. Pure.
//
//   state:failed project:phage user:ann name:align* label:sample=lambda id:12,14   words in "..." may hold spaces
//
// A word without a name is the beginning of a job's name, or the number of a job.

export const FILTERS = ["state", "project", "user", "name", "label", "ids"] as const;
export type FilterName = (typeof FILTERS)[number];
export type Filter = Partial<Record<FilterName, string>>;
export const STATES = ["accepted", "active", "succeeded", "failed", "cancelled"];

export interface Parsed {
  filter: Filter;
  // What is wrong, each with the word that is.
  errors: { word: string; why: "unknown" | "twice" | "empty" | "state" | "label" | "ids" | "quote" }[];
}

const names: Record<string, FilterName> = {
  state: "state", project: "project", user: "user", name: "name", label: "label", id: "ids", ids: "ids", job: "ids",
};

function words_of(text: string): string[] | null {
  const out: string[] = [];
  let word = "";
  let quoted = false;
  let any = false;
  for (const c of text) {
    if (c === '"') {
      quoted = !quoted;
      any = true;
    } else if (/\s/.test(c) && !quoted) {
      if (any) out.push(word);
      word = "";
      any = false;
    } else {
      word += c;
      any = true;
    }
  }
  if (quoted) return null;
  if (any) out.push(word);
  return out;
}

function pair_of(word: string): [FilterName | null, string] {
  const colon = word.indexOf(":");
  if (colon > 0) return [names[word.slice(0, colon).toLowerCase()] ?? null, word.slice(colon + 1)];
  return /^\d{1,15}$/.test(word) ? ["ids", word] : ["name", word.endsWith("*") ? word : `${word}*`];
}

function fault_of(name: FilterName, value: string): "empty" | "state" | "label" | "ids" | null {
  if (value === "") return "empty";
  if (name === "state" && !STATES.includes(value)) return "state";
  if (name === "label" && !/^[^:]+:/.test(value)) return "label";
  if (name === "ids" && !/^\d{1,15}(,\d{1,15}){0,199}$/.test(value)) return "ids";
  return null;
}

export function filter_parse(text: string): Parsed {
  const parsed: Parsed = { filter: {}, errors: [] };
  const words = words_of(text);
  if (words === null) return { filter: {}, errors: [{ word: text, why: "quote" }] };
  for (const word of words) {
    const [name, said] = pair_of(word);
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

const options: Record<Exclude<FilterName, "ids">, string> = {
  state: "--state", project: "--project", user: "--user", name: "--name", label: "--label",
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
