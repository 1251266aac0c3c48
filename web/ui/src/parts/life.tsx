// SPDX-License-Identifier: Apache-2.0
// life.tsx - the life of an attempt or of a job as a line: each step with its time, the longest one marked.

import { Ago } from "./basic";
import { seconds } from "../format";
import { tick } from "../live";
import { words } from "../strings";
import type { Attempt, Job } from "../types";

interface Step {
  word: string;
  kind: string;
  from: string;
  to: string | null; // null: it is in this step
}

const OPEN_STAGES: Record<string, { word: string; kind: string }> = {
  reserved: { word: words.life_start, kind: "stage" },
  staging: { word: words.life_stage, kind: "stage" },
  starting: { word: words.life_start, kind: "stage" },
  running: { word: words.life_run, kind: "run" },
  finishing: { word: words.life_finish, kind: "out" },
  aborting: { word: words.life_abort, kind: "out" },
};

export function steps_of_attempt(j: Job, a: Attempt, before: string | null): Step[] {
  const steps: Step[] = [];
  const born = before ?? j.submitted_at;
  if (!a.placed_at) return [{ word: words.life_wait, kind: "wait", from: born, to: null }];
  steps.push({ word: before ? words.life_wait_again : words.life_wait, kind: "wait", from: born, to: a.placed_at });
  const stage = OPEN_STAGES[a.state];
  if (a.started_at) {
    steps.push({ word: words.life_start, kind: "stage", from: a.placed_at, to: a.started_at });
    // The program's own time; what is left until the end is keeping its outputs and telling.
    const ran = a.wall !== null && a.wall !== undefined ? new Date(Date.parse(a.started_at) + a.wall * 1000).toISOString() : null;
    if (a.ended_at) {
      const end = ran && ran < a.ended_at ? ran : a.ended_at;
      steps.push({ word: words.life_run, kind: "run", from: a.started_at, to: end });
      if (end < a.ended_at) steps.push({ word: words.life_finish, kind: "out", from: end, to: a.ended_at });
    } else steps.push({ word: stage?.word ?? words.life_run, kind: stage?.kind ?? "run", from: a.started_at, to: null });
  } else steps.push({ word: stage?.word ?? words.life_start, kind: stage?.kind ?? "stage", from: a.placed_at, to: a.ended_at });
  return steps;
}

export function steps_of_job(j: Job): Step[] {
  if (!j.started_at) return [{ word: words.life_wait, kind: "wait", from: j.submitted_at, to: j.finished_at }];
  return [
    { word: words.life_wait, kind: "wait", from: j.submitted_at, to: j.started_at },
    { word: j.tasks.total > 1 ? words.life_tasks : words.life_run, kind: "run", from: j.started_at, to: j.finished_at },
  ];
}

export function LifeLine({ of: steps }: { of: Step[] }) {
  const long = (s: Step) => Math.max(0, ((s.to ? Date.parse(s.to) : tick.value) - Date.parse(s.from)) / 1000);
  const total = steps.reduce((n, s) => n + long(s), 0);
  const longest = Math.max(...steps.map(long));
  const open = steps[steps.length - 1]?.to === null;
  return (
    <div class="life">
      <div class="life-bar" aria-hidden="true">
        {steps.map((s, i) => (
          <i key={i} class={`${s.kind} ${s.to === null ? "open" : ""}`} style={{ flexGrow: String(total > 0 ? long(s) / total : 1) }} />
        ))}
      </div>
      <ol>
        {steps.map((s, i) => (
          <li key={i}>
            <i class={`key ${s.kind}`} />
            <span>{s.word}</span>
            <b>{s.to === null ? seconds(Math.floor(long(s))) : seconds(long(s))}</b>
            {steps.length > 1 && longest > 1 && long(s) === longest && <span class="muted">{words.life_longest}</span>}
            <span class="muted">
              <Ago at={s.from} />
            </span>
          </li>
        ))}
        {!open && (
          <li>
            <i class="key none" />
            <span>{words.life_done}</span>
            <b>{seconds(total)}</b>
            <span class="muted">
              <Ago at={steps[steps.length - 1]?.to} />
            </span>
          </li>
        )}
      </ol>
    </div>
  );
}
