// SPDX-License-Identifier: Apache-2.0
// my_work.tsx - what the reader's own jobs are doing: those that run, those that wait and for what, those that failed.

import { useEffect, useState } from "preact/hooks";
import { me, path_of, send } from "../api";
import { bits_of, PLAIN } from "../ansi";
import { use_dependent } from "../dependent";
import { Progress } from "./bars";
import { Ago, Badge, Section, Text } from "./basic";
import { count, remaining } from "../format";
import { Link } from "../router";
import { words } from "../strings";
import type { Job, Overview, Page, Queue, RunningTask } from "../types";

const ACTIVE = 50; // looked at; the list of jobs has all
const SHOWN = 6;
const LAST_LINES = 3; // each asks a site
const LAST_LINE_MS = 20_000;
const LAST_LINE_BYTES = 2048;
const DAY_MS = 86_400_000;

// The last line that a running task wrote, asked now and then.
function LastLine({ of: r }: { of: RunningTask }) {
  const [line, set_line] = useState("");
  useEffect(() => {
    let wanted = true;
    const look = async () => {
      if (document.hidden) return;
      const path = path_of(`/v1/jobs/${r.job}/tasks/${r.task}/log`, { attempt: r.attempt, offset: -LAST_LINE_BYTES, limit: LAST_LINE_BYTES });
      const reply = await send(path, { headers: { Accept: "application/octet-stream" } }).catch(() => null);
      if (!reply || !wanted) return;
      const text = bits_of(new TextDecoder().decode(await reply.arrayBuffer()), PLAIN).bits.map((b) => b.text).join("");
      if (wanted) set_line(text.trimEnd().split("\n").pop() ?? "");
    };
    void look();
    const timer = setInterval(() => void look(), LAST_LINE_MS);
    return () => {
      wanted = false;
      clearInterval(timer);
    };
  }, [r.job, r.task, r.attempt]);
  return line ? <code class="last-line">{line.slice(0, 200)}</code> : null;
}

function Running({ of: jobs, tasks }: { of: Job[]; tasks: RunningTask[] }) {
  return (
    <ul class="mine">
      {jobs.slice(0, SHOWN).map((j, i) => {
        const task = tasks.find((r) => r.job === j.id);
        const rest = j.pace?.remaining;
        const told = j.progress?.text;
        return (
          <li key={j.id}>
            <div class="mine-line">
              <Link to={`/jobs/${j.id}`} class="whole">
                <span class="id">{j.id}</span> <Text of={j.name} max={80} />
              </Link>
              <span class="grow" />
              {rest && <span>{remaining(rest)}</span>}
              <span class="muted num">
                {j.tasks.total === 1 && j.progress?.fraction != null ? `${Math.floor(j.progress.fraction * 100)} %` : `${count(j.tasks.succeeded + j.tasks.failed + j.tasks.cancelled)} / ${count(j.tasks.total)}`}
              </span>
            </div>
            <Progress of={j.tasks} />
            {told ? <span class="sub"><Text of={told} max={160} /></span> : task && i < LAST_LINES && <LastLine of={task} />}
          </li>
        );
      })}
    </ul>
  );
}

function Waiting({ of: jobs, queue }: { of: Job[]; queue: Queue | null }) {
  const places = new Map(queue?.items.map((i) => [i.job, i.position]));
  return (
    <ul class="mine">
      {jobs.slice(0, SHOWN).map((j) => (
        <li key={j.id}>
          <div class="mine-line">
            <Link to={`/jobs/${j.id}?tab=why`} class="whole">
              <span class="id">{j.id}</span> <Text of={j.name} max={80} />
            </Link>
            <span class="grow" />
            {places.has(j.id) && <span class="muted">{words.queue_place(count(places.get(j.id)))}</span>}
            <span class="muted num">
              <Ago at={j.wait?.since ?? j.submitted_at} />
            </span>
          </div>
          {j.wait && (
            <span class="sub">
              <Text of={j.wait.sentence} max={200} />
            </span>
          )}
        </li>
      ))}
    </ul>
  );
}

interface Cause {
  text: string;
  jobs: Job[];
}

// Jobs put together by what they failed of; numbers of tasks and jobs in the text do not make another cause.
export function causes_of(jobs: Job[]): Cause[] {
  const causes = new Map<string, Cause>();
  for (const j of jobs) {
    const key = (j.message ?? words.fail_unknown).replace(/\b(task|job) \d+(\.\d+)?/g, "$1 …");
    const c: Cause = causes.get(key) ?? { text: key, jobs: [] };
    c.jobs.push(j);
    causes.set(key, c);
  }
  return [...causes.values()].sort((a, b) => b.jobs.length - a.jobs.length);
}

function Failed({ of: jobs }: { of: Job[] }) {
  return (
    <ul class="mine">
      {causes_of(jobs)
        .slice(0, SHOWN)
        .map((c) => (
          <li key={c.text}>
            <div class="mine-line">
              <Badge icon="cross" tone="bad">
                {words.fail_jobs(count(c.jobs.length))}
              </Badge>
              <span class="grow">
                <Text of={c.text} max={200} />
              </span>
            </div>
            <span class="sub">
              {c.jobs.slice(0, 5).map((j, i) => (
                <span key={j.id}>
                  {i > 0 && ", "}
                  <Link to={`/jobs/${j.id}`}>
                    {j.id} <Text of={j.name} max={30} />
                  </Link>
                </span>
              ))}
              {c.jobs.length > 5 && " …"}
            </span>
          </li>
        ))}
    </ul>
  );
}

export function MyWork({ overview: o }: { overview: Overview }) {
  const user = me.value?.name ?? "";
  const { data: active } = use_dependent<Page<Job>>(path_of("/v1/jobs", { user, state: "active", limit: ACTIVE }), o);
  const { data: failed } = use_dependent<Page<Job>>(path_of("/v1/jobs", { user, state: "failed", limit: ACTIVE }), o.tasks.failed_total);
  const running = (active?.items ?? []).filter((j) => j.tasks.placed > 0);
  // The oldest first: within a project it goes first.
  const waiting = (active?.items ?? []).filter((j) => j.tasks.placed === 0).reverse();
  const { data: queue } = use_dependent<Queue>(waiting.length ? "/v1/queue?limit=200" : null, o);
  const since = Date.parse(o.now) - DAY_MS;
  const lately = (failed?.items ?? []).filter((j) => j.finished_at && Date.parse(j.finished_at) > since);
  if (!active) return null;
  const all = (state: string) => `/jobs?user=${encodeURIComponent(user)}&state=${state}`;
  return (
    <div class="my-work">
      <Section id="my-running" title={words.mine_running} aside={<Link to={all("active")}>{running.length > SHOWN ? words.mine_more(count(running.length)) : words.mine_all}</Link>}>
        {running.length ? <Running of={running} tasks={o.running} /> : <p class="muted">{words.mine_running_none}</p>}
      </Section>
      <Section id="my-waiting" title={words.mine_waiting} aside={<Link to={all("active")}>{waiting.length > SHOWN ? words.mine_more(count(waiting.length)) : words.mine_all}</Link>}>
        {waiting.length ? <Waiting of={waiting} queue={queue} /> : <p class="muted">{words.mine_waiting_none}</p>}
      </Section>
      <Section id="my-failed" title={words.mine_failed} aside={<Link to={all("failed")}>{words.mine_all}</Link>}>
        {lately.length ? <Failed of={lately} /> : <p class="muted">{words.mine_failed_none}</p>}
      </Section>
    </div>
  );
}
