// SPDX-License-Identifier: Apache-2.0
// tasks.tsx - the tasks of a job by number, and the one that is looked at: its attempts and its log.
//
// A page of tasks at a time: an array may have millions. The address holds the task, the state and where the page
// begins, so that what is on the screen can be sent to somebody else.

import { useEffect, useRef, useState } from "preact/hooks";
import { path_of } from "../api";
import { CancelTask } from "./actions";
import { Ago, Empty, Failure, Section, State, Text } from "./basic";
import { Failures } from "./failures";
import { Heat } from "./heat";
import { LifeLine, steps_of_attempt, steps_of_job } from "./life";
import { Log } from "./log";
import { use_dependent } from "../dependent";
import { bytes, clock, seconds, visible } from "../format";
import { Link, query, query_set, query_with } from "../router";
import { words } from "../strings";
import type { Attempt, Job, Page, Reported, Task, TaskState } from "../types";

const PAGE = 25;
const STATES: TaskState[] = ["blocked", "ready", "placed", "succeeded", "failed", "cancelled"];

const number_of = (name: string): number | null => {
  const text = query.value.get(name) ?? "";
  return /^\d{1,10}$/.test(text) ? Number(text) : null;
};

function exit_text(a: Attempt | undefined): string {
  if (!a) return "–";
  if (a.signal) return words.exit_signal(a.signal);
  return a.code === null || a.code === undefined ? "–" : String(a.code);
}

const wall_of = (a: Attempt | undefined) => {
  if (!a) return "–";
  if (a.wall !== null && a.wall !== undefined) return seconds(a.wall);
  return "–";
};

// The API lists the newest first where it lists several; nothing here relies on that.
const by_number = (attempts: Attempt[]) => [...attempts].sort((a, b) => b.attempt - a.attempt);

function Standing({ of: t, last }: { of: Task; last: Attempt | undefined }) {
  // While an attempt is open its state says more than "placed".
  if (t.state === "placed" && last) return <State machine="attempt" of={last.state} />;
  return <State machine="task" of={t.state} />;
}

function said_of(t: Task, last: Attempt | undefined): string | null {
  if (t.wait) return t.wait.sentence;
  if (!last || last.outcome === null || last.outcome === "succeeded") return null;
  return last.message ? `${last.sentence ?? ""}: ${last.message}` : last.sentence;
}

function Row({ of: t, chosen }: { of: Task; chosen: boolean }) {
  const last = by_number(t.attempts)[0];
  const said = said_of(t, last);
  return (
    <tr class={chosen ? "chosen" : ""}>
      <td>
        <Link to={query_with({ task: String(t.task), attempt: null })} class="whole" label={words.task_title(String(t.task))} aria-current={chosen ? "true" : undefined}>
          {t.task}
        </Link>
        {last && last.attempt > 1 && <span class="muted">#{last.attempt}</span>}
      </td>
      <td class="state-cell">
        <Standing of={t} last={last} />
        {last?.site && (
          <span class="sub narrow">
            <Text of={last.site} max={64} />
          </span>
        )}
        {said && (
          <span class="sub">
            <Text of={said} max={200} />
          </span>
        )}
      </td>
      <td class="wide-cell">
        <Text of={last?.site} max={64} />
      </td>
      <td class="num">{exit_text(last)}</td>
      <td class="num wide-cell">
        <Ago at={last?.started_at} />
      </td>
      <td class="num">{wall_of(last)}</td>
      <td class="num wide-cell">{bytes(last?.memory_peak)}</td>
    </tr>
  );
}

function Table({ of: tasks, chosen }: { of: Task[]; chosen: number | null }) {
  return (
    <table class="rows tasks">
      <caption class="unseen">{words.tasks}</caption>
      <thead>
        <tr>
          <th scope="col">{words.col_task}</th>
          <th scope="col">{words.col_state}</th>
          <th scope="col" class="wide-cell">
            {words.col_site}
          </th>
          <th scope="col" class="num">
            {words.col_code}
          </th>
          <th scope="col" class="num wide-cell">
            {words.col_started}
          </th>
          <th scope="col" class="num">
            {words.col_wall}
          </th>
          <th scope="col" class="num wide-cell">
            {words.col_peak}
          </th>
        </tr>
      </thead>
      <tbody>
        {tasks.map((t) => (
          <Row key={t.task} of={t} chosen={t.task === chosen} />
        ))}
      </tbody>
    </table>
  );
}

function Filters({ of: j }: { of: Job }) {
  const [wanted, set_wanted] = useState("");
  const find = (e: SubmitEvent) => {
    e.preventDefault();
    if (/^\d{1,10}$/.test(wanted)) query_set({ task: wanted, from: wanted, state: null, cursor: null });
  };
  return (
    <div class="filters">
      <select
        aria-label={words.col_state}
        value={query.value.get("state") ?? ""}
        onChange={(e) => query_set({ state: e.currentTarget.value, from: null, cursor: null })}
      >
        <option value="">{words.all}</option>
        {STATES.map((s) => (
          <option key={s} value={s}>
            {s} ({j.tasks[s]})
          </option>
        ))}
      </select>
      <form onSubmit={find}>
        <input
          type="text"
          inputMode="numeric"
          pattern="[0-9]+"
          size={8}
          aria-label={words.task_go}
          placeholder={words.task_go}
          value={wanted}
          onInput={(e) => set_wanted(e.currentTarget.value)}
        />
      </form>
    </div>
  );
}

// The attempts of one task: each with how it ended and whose fault that was.
function Attempts({ of: attempts, shown }: { of: Attempt[]; shown: number | null }) {
  return (
    <ol class="attempts">
      {attempts.map((a) => (
        <li key={a.attempt} class={a.attempt === shown ? "chosen" : ""}>
          <Link to={query_with({ attempt: String(a.attempt) })} aria-current={a.attempt === shown ? "true" : undefined}>
            {words.col_attempt} {a.attempt}
          </Link>
          <State machine="attempt" of={a.state} />
          <span>
            <Text of={a.site} max={64} />
            {a.host && (
              <span class="muted">
                {" "}
                <Text of={a.host} max={80} />
              </span>
            )}
          </span>
          <span class="muted">
            {words.col_code} {exit_text(a)} · {words.col_wall} {wall_of(a)} · {words.col_cpu}{" "}
            {seconds(a.cpu_user === null || a.cpu_user === undefined ? null : a.cpu_user + (a.cpu_system ?? 0))} · {bytes(a.memory_peak)} · <Ago at={a.started_at ?? a.placed_at} />
          </span>
          {a.outcome && a.outcome !== "succeeded" && (
            <span class="why">
              <Text of={a.sentence} max={300} />
              {a.message && (
                <>
                  : <Text of={a.message} max={500} />
                </>
              )}
              {a.blame && a.blame !== "none" && ` (${visible(a.blame, 20)})`}
            </span>
          )}
        </li>
      ))}
    </ol>
  );
}

// The attempt that the address names, else the newest.
function chosen_attempt(attempts: Attempt[]): Attempt | null {
  const wanted = number_of("attempt");
  return attempts.find((a) => a.attempt === wanted) ?? attempts[0] ?? null;
}

function TaskPanel({ job, task, refresh }: { job: Job; task: number; refresh: () => void }) {
  const { data, problem } = use_dependent<Task>(`/v1/jobs/${job.id}/tasks/${task}`, job);
  const attempts = by_number(data?.attempts ?? []);
  const shown = chosen_attempt(attempts);
  const before = shown ? (attempts.find((a) => a.attempt === shown.attempt - 1)?.ended_at ?? null) : null;
  const open = data && ["ready", "blocked", "placed"].includes(data.state);
  return (
    <Section
      id="task"
      title={words.task_title(`${job.id}.${task}`)}
      aside={
        <>
          {data && <State machine="task" of={data.state} />}
          <span class="grow" />
          {shown && <Link to={query_with({ tab: "log", task: String(task) })}>{words.tab_log}</Link>}
          <Link to={query_with({ tab: "why", task: String(task) })}>{words.tab_why}</Link>
          {open && job.tasks.total > 1 && <CancelTask job={job.id} task={task} done={refresh} />}
        </>
      }
    >
      {problem && <Failure problem={problem} />}
      {data?.progress && <Told of={data.progress} />}
      {data?.wait && (
        <p class="lead">
          <Text of={data.wait.sentence} max={600} />
          {data.wait.until && <span class="muted"> ({words.until(clock(Date.parse(data.wait.until)))})</span>}
        </p>
      )}
      {data && attempts.length === 0 && (job.tasks.total === 1 ? <LifeLine of={steps_of_job(job)} /> : <p class="muted">{words.attempts_none}</p>)}
      {shown && <LifeLine of={steps_of_attempt(job, shown, before)} />}
      {attempts.length > 0 && <Attempts of={attempts} shown={shown?.attempt ?? null} />}
    </Section>
  );
}

// What the job itself said about how far it is.
export function Told({ of: p }: { of: Reported }) {
  return (
    <p class="told">
      {p.fraction !== null && (
        <>
          <progress max={1} value={p.fraction} aria-label={words.progress_told} /> <b>{Math.floor(p.fraction * 100)} %</b>{" "}
        </>
      )}
      <Text of={p.text} max={200} />{" "}
      <span class="muted">
        <Ago at={p.at} />
      </span>
    </p>
  );
}

export function Tasks({ of: j, refresh }: { of: Job; refresh: () => void }) {
  const state = query.value.get("state");
  const base = `/v1/jobs/${j.id}/tasks`;
  const path = path_of(base, { state, from: number_of("from"), cursor: query.value.get("cursor"), limit: PAGE });
  const { data, problem } = use_dependent<Page<Task>>(path, j);
  const tasks = data?.items ?? [];
  const chosen = number_of("task");
  const pane = useRef<HTMLDivElement>(null);
  // Below one another, the task that was just chosen is out of sight.
  const first = useRef(true);
  useEffect(() => {
    if (!first.current && chosen !== null && matchMedia("(max-width: 1000px)").matches) pane.current?.scrollIntoView({ block: "start" });
    first.current = false;
  }, [chosen]);
  return (
    <>
      <Section id="strip" title={words.heat}>
        <Heat of={j} chosen={chosen} />
        {j.tasks.failed > 0 && <Failures of={j} />}
      </Section>
      <div class={chosen === null ? "" : "columns even"}>
        <Section id="tasks" title={words.tasks} aside={<Filters of={j} />}>
          {problem && <Failure problem={problem} />}
          {data && (tasks.length > 0 ? <Table of={tasks} chosen={chosen} /> : <Empty title={data.next_cursor ? words.tasks_none_here : words.tasks_none} />)}
          <div class="pager">
            {(query.value.get("cursor") || query.value.get("from")) && <Link to={query_with({ cursor: null, from: null })}>{words.tasks_first}</Link>}
            {data?.next_cursor && <Link to={query_with({ cursor: data.next_cursor, from: null })}>{words.tasks_next}</Link>}
          </div>
        </Section>
        {chosen !== null && (
          <div class="pane" ref={pane}>
            <TaskPanel key={chosen} job={j} task={chosen} refresh={refresh} />
          </div>
        )}
      </div>
    </>
  );
}

// The only task of a job: what its attempts were.
export function OnlyTask({ of: j, refresh }: { of: Job; refresh: () => void }) {
  return <TaskPanel job={j} task={j.first_task} refresh={refresh} />;
}

// Which task's log to show when nobody said: one that failed, else one that runs, else one that ended. Once settled
// it stays, so that the log does not change under its reader.
function use_telling_task(j: Job, asked: boolean): number | null {
  const settled = useRef<number | null>(null);
  const state = j.tasks.failed ? "failed" : j.tasks.placed ? "placed" : j.tasks.succeeded ? "succeeded" : j.tasks.cancelled ? "cancelled" : null;
  const needed = !asked && settled.current === null && j.tasks.total > 1 && state !== null;
  const { data } = use_dependent<Page<Task>>(needed ? path_of(`/v1/jobs/${j.id}/tasks`, { state, limit: 1 }) : null, j);
  if (j.tasks.total === 1) return j.first_task;
  settled.current ??= data?.items[0]?.task ?? null;
  return settled.current;
}

export function TaskLog({ of: j }: { of: Job }) {
  const named = number_of("task");
  const telling = use_telling_task(j, named !== null);
  const task = named ?? telling;
  const { data, problem } = use_dependent<Task>(task === null ? null : `/v1/jobs/${j.id}/tasks/${task}`, j);
  const attempts = data?.task === task ? by_number(data?.attempts ?? []) : [];
  const shown = chosen_attempt(attempts);
  const [wanted, set_wanted] = useState("");
  const find = (e: SubmitEvent) => {
    e.preventDefault();
    if (/^\d{1,10}$/.test(wanted)) query_set({ task: wanted, attempt: null });
  };
  return (
    <Section
      id="log"
      title={j.tasks.total > 1 && task !== null ? words.log_title(`${j.id}.${task}`) : words.log}
      aside={
        <div class="filters">
          {attempts.length > 1 && (
            <select aria-label={words.col_attempt} value={String(shown?.attempt)} onChange={(e) => query_set({ attempt: e.currentTarget.value })}>
              {attempts.map((a) => (
                <option key={a.attempt} value={String(a.attempt)}>
                  {words.col_attempt} {a.attempt} – {a.state}
                </option>
              ))}
            </select>
          )}
          {j.tasks.total > 1 && (
            <form onSubmit={find}>
              <input type="text" inputMode="numeric" pattern="[0-9]+" size={8} aria-label={words.task_go} placeholder={words.task_go} value={wanted} onInput={(e) => set_wanted(e.currentTarget.value)} />
            </form>
          )}
        </div>
      }
    >
      {problem && <Failure problem={problem} />}
      {shown && task !== null && (
        <p class="log-of">
          <State machine="attempt" of={shown.state} /> <Text of={shown.site} max={64} />{" "}
          <span class="muted">
            <Ago at={shown.started_at ?? shown.placed_at} />
          </span>
        </p>
      )}
      {shown && task !== null ? (
        <Log key={`${j.id}.${task}#${shown.attempt}`} job={j.id} task={task} attempt={shown.attempt} lost={shown.state === "lost"} />
      ) : (
        <Empty title={data || task === null ? words.log_not_started : words.loading}>
          {j.wait && (
            <p>
              <Text of={j.wait.sentence} max={400} />
            </p>
          )}
        </Empty>
      )}
    </Section>
  );
}
