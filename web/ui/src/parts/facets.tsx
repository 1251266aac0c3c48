// SPDX-License-Identifier: Apache-2.0
// facets.tsx - what the jobs of a list have in common, with counts, to narrow it down by a click; and when they were
// submitted, by the hour.

import { path_of } from "../api";
import { Failure, Text } from "./basic";
import { use_dependent } from "../dependent";
import { count } from "../format";
import { filter_asked, STATES, type Filter } from "../jobs_filter";
import { sheet_use } from "../sheet";
import { look_of } from "../states";
import { words } from "../strings";
import text from "./facets.sheet.css";

sheet_use(text);

const SHOWN = 8;
const WIDTH = 600;
const HEIGHT = 48;
const HOUR = 3_600_000;

interface Value {
  value: string | null;
  jobs: number;
}

export interface Facets {
  looked_at: number;
  whole: boolean;
  jobs: number;
  state: Value[];
  project: Value[];
  user: Value[];
  name: Value[];
  hours: { at: string; jobs: number; failed: number }[];
}

const kinds: { name: "state" | "project" | "user" | "name"; word: string }[] = [
  { name: "state", word: words.col_state },
  { name: "project", word: words.col_project },
  { name: "user", word: words.col_user },
  { name: "name", word: words.col_job },
];

// A filter that was set is no choice any more: what else there is shows when it is left out.
export function use_facets(filter: Filter, version: unknown) {
  return use_dependent<Facets>(path_of("/v1/jobs:facets", { ...filter_asked({ ...filter, ids: "" }) }), version);
}

function Hours({ of: hours, pick }: { of: Facets["hours"]; pick: (since: string, until: string) => void }) {
  if (hours.length < 2) return null;
  const first = Date.parse(hours[0]!.at);
  const n = Math.round((Date.parse(hours[hours.length - 1]!.at) - first) / HOUR) + 1;
  const most = Math.max(...hours.map((h) => h.jobs));
  const step = WIDTH / n;
  return (
    <div class="facet-hours">
      <h2>{words.facets_hours}</h2>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="group" aria-label={words.facets_hours}>
        {hours.map((h) => {
          const x = Math.round((Date.parse(h.at) - first) / HOUR) * step;
          const high = Math.max(2, (h.jobs / most) * HEIGHT);
          const bad = (h.failed / Math.max(1, h.jobs)) * high;
          const label = words.facets_hour(new Date(h.at).toLocaleString(undefined, { dateStyle: "short", timeStyle: "short" }), count(h.jobs), count(h.failed));
          const act = () => pick(h.at, new Date(Date.parse(h.at) + HOUR).toISOString());
          return (
            <g key={h.at} role="button" tabindex={0} aria-label={label} onClick={act} onKeyDown={(e) => (e.key === "Enter" || e.key === " ") && (e.preventDefault(), act())}>
              <title>{label}</title>
              <rect class="hit" x={x} y={0} width={step} height={HEIGHT} />
              <rect class="all" x={x + step * 0.1} y={HEIGHT - high} width={step * 0.8} height={high} />
              {bad > 0 && <rect class="bad" x={x + step * 0.1} y={HEIGHT - bad} width={step * 0.8} height={bad} />}
            </g>
          );
        })}
      </svg>
    </div>
  );
}

export function FacetPanel({ filter, version, set }: { filter: Filter; version: unknown; set: (f: Filter) => void }) {
  const { data: f, problem } = use_facets(filter, version);
  if (problem) return <Failure problem={problem} />;
  if (!f) return <p class="muted">{words.loading}</p>;
  if (f.jobs === 0) return <p class="muted">{words.facets_none}</p>;
  return (
    <div class="facets">
      <p class="muted small" aria-live="polite">
        {words.facets_of(count(f.jobs), count(f.looked_at), f.whole)}
      </p>
      <div class="facet-kinds">
        {kinds.map((k) => (
          <div key={k.name}>
            <h2>{k.word}</h2>
            <ul>
              {f[k.name].slice(0, SHOWN).map((v) => {
                const on = filter[k.name] === v.value;
                const shown = k.name === "state" && v.value !== null && STATES.includes(v.value) ? look_of("job", v.value).word : v.value;
                return (
                  <li key={v.value}>
                    <button type="button" class={on ? "on" : ""} aria-pressed={on} onClick={() => set({ ...filter, [k.name]: on ? "" : (v.value ?? "") })}>
                      <span class="grow">
                        <Text of={shown} max={40} />
                      </span>
                      <span class="num muted">{count(v.jobs)}</span>
                    </button>
                  </li>
                );
              })}
            </ul>
          </div>
        ))}
      </div>
      <Hours of={f.hours} pick={(since, until) => set({ ...filter, since, until })} />
    </div>
  );
}
