// SPDX-License-Identifier: Apache-2.0
// job.tsx - one job: what it is, how far it is, why it waits or ran where it did, its tasks, logs and outputs.

import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { path_of, type Problem } from "../api";
import { Actions } from "../parts/actions";
import { Ago, Badge, Empty, Failure, Lasting, Notice, JobState, Section, Text, Toast } from "../parts/basic";
import { parts_of, Progress } from "../parts/bars";
import { Events } from "../parts/events";
import { Explained, NeverRuns, StartBand } from "../parts/explain";
import { Failures } from "../parts/failures";
import { Icon } from "../parts/icon";
import { LastLines } from "../parts/last_lines";
import { LifeLine, steps_of_job } from "../parts/life";
import { OnlyTask, TaskLog, Tasks, Told } from "../parts/tasks";
import { Used } from "../parts/used";
import { use_dependent } from "../dependent";
import { lazy } from "../lazy";
import { Feed } from "../feed";
import { amounts, count, remaining, visible } from "../format";
import { Watch } from "../live";
import { use_keys } from "../keys";
import { go, Link, query, query_with } from "../router";
import { words } from "../strings";
import type { Asked, Event, Explain, Job, Page, Spec, Task } from "../types";

const tabs = [
  { name: "overview", word: words.tab_overview, fits: () => true },
  { name: "why", word: words.tab_why, fits: () => true },
  { name: "tasks", word: words.tab_tasks, fits: (j: Job) => j.tasks.total > 1 },
  { name: "log", word: words.tab_log, fits: () => true },
  { name: "timeline", word: words.tab_timeline, fits: () => true },
  { name: "graph", word: words.tab_graph, fits: () => true },
  { name: "metrics", word: words.tab_metrics, fits: () => true },
  { name: "outputs", word: words.tab_outputs, fits: () => true },
  { name: "events", word: words.tab_events, fits: () => true },
  { name: "spec", word: words.tab_spec, fits: () => true },
];

const parts = () => import("../job/tabs");
const GraphTab = lazy(() => parts().then((m) => m.GraphTab));
const TimelineTab = lazy(() => parts().then((m) => m.TimelineTab));
const MetricsTab = lazy(() => parts().then((m) => m.MetricsTab));
const FilesTab = lazy(() => parts().then((m) => m.FilesTab));
const SpecTab = lazy(() => parts().then((m) => m.SpecTab));

const FRESH_TAB = { from: null, cursor: null, state: null, stream: null, attempt: null, rows: null, with: null, at: null };

function Tabs({ of: j, now }: { of: Job; now: string }) {
  return (
    <nav class="tabbar" aria-label={words.tabs}>
      {tabs
        .filter((t) => t.fits(j))
        .map((t) => (
          <Link key={t.name} to={query_with({ ...FRESH_TAB, tab: t.name === "overview" ? null : t.name })} aria-current={t.name === now ? "page" : undefined}>
            {t.word}
            {t.name === "tasks" && <span class="muted"> {count(j.tasks.total)}</span>}
          </Link>
        ))}
    </nav>
  );
}

// How it stands, as a sentence: why it waits, what it says itself, how it ended.
function Standing({ of: j, why }: { of: Job; why: Explain | null }) {
  if (j.message) {
    const failed = j.state === "failed";
    return <Notice tone={failed ? "bad" : "calm"} icon={failed ? "cross" : "dots"} title={<Text of={j.message} max={1000} />} />;
  }
  if (!j.wait) return null;
  if (why && why.can_ever_run === false) return <NeverRuns sentence={why.never?.sentence ?? why.sentence} fix={why.never?.fix} job={j.id} />;
  // While some of it runs, why the rest waits is said in passing.
  if (j.tasks.placed > 0) {
    return (
      <p class="muted">
        <Icon name="clock" /> {words.rest_waits(count(j.tasks.ready + j.tasks.blocked))} <Text of={j.wait.sentence} max={400} />
      </p>
    );
  }
  return (
    <Notice tone="calm" icon="clock" title={<Text of={why?.wait?.sentence ?? j.wait.sentence} max={1000} />}>
      {why?.wait?.position && why.wait.position.tasks_ahead > 0 && <p>{words.queue_ahead(count(why.wait.position.tasks_ahead), count(why.wait.position.jobs_ahead), why.wait.position.jobs_ahead)}</p>}
      {why?.wait?.start && <StartBand of={why.wait.start} />}
      {j.wait.since && (
        <p class="muted">
          {words.since} <Ago at={j.wait.since} />
        </p>
      )}
    </Notice>
  );
}

function Head({ of: j, why, refresh }: { of: Job; why: Explain | null; refresh: () => void }) {
  const rest = j.pace?.remaining;
  return (
    <header class="job-head">
      <Link to="/jobs" class="back">
        <Icon name="back" />
        {words.jobs}
      </Link>
      <div class="title">
        <h1>
          <span class="id">{j.id}</span> <Text of={j.name} max={200} />
        </h1>
        <JobState of={j} />
        {j.held && !j.finished_at && (
          <Badge icon="pause" tone="warn">
            {words.on_hold}
          </Badge>
        )}
        <Actions of={j} done={refresh} />
      </div>
      <Progress of={j.tasks} />
      <ul class="legend">
        {parts_of(j.tasks)
          .filter((p) => p.n > 0)
          .map((p) => (
            <li key={p.kind}>
              <i class={p.kind} /> <b>{count(p.n)}</b> {p.word}
            </li>
          ))}
        {rest && (
          <li class="eta">
            <Icon name="clock" /> {remaining(rest)}
            {j.pace?.per_second ? <span class="muted"> {words.pace(j.pace.per_second >= 1 ? `${j.pace.per_second.toFixed(1)} / s` : `${(j.pace.per_second * 60).toFixed(1)} / min`)}</span> : null}
          </li>
        )}
      </ul>
      {j.progress && !j.finished_at && <Told of={j.progress} />}
      <Standing of={j} why={why} />
    </header>
  );
}

const asked = (a: Asked | null) =>
  a && (
    <>
      <Ago at={a.at} /> {words.asked_by(visible(a.by, 60))}
    </>
  );

function Facts({ of: j }: { of: Job }) {
  const rows: [string, ComponentChildren][] = [
    [words.fact_project, <Text of={j.project} max={100} />],
    [words.fact_user, <Text of={j.user} max={100} />],
    [words.fact_submitted, <Ago at={j.submitted_at} />],
    [words.fact_started, j.started_at && <Ago at={j.started_at} />],
    [words.fact_finished, j.finished_at && <Ago at={j.finished_at} />],
    [words.fact_took, j.started_at && <Lasting from={j.started_at} to={j.finished_at} />],
    [words.fact_tasks, `${count(j.tasks.total)} (${j.array ? visible(j.array, 80) : `${j.first_task}–${j.last_task}`})`],
    [words.fact_priority, j.priority ? String(j.priority) : null],
    [
      words.fact_resources,
      amounts(j.resources),
    ],
    [words.fact_sites, j.sites?.length ? <Text of={j.sites.join(", ")} /> : null],
    [
      words.fact_labels,
      Object.entries(j.labels ?? {})
        .map(([k, v]) => visible(`${k}=${v}`, 120))
        .join(", "),
    ],
    [words.fact_held, asked(j.held)],
    [words.fact_cancelled, asked(j.cancelled)],
  ];
  return (
    <Section id="facts" title={words.facts}>
      <dl class="facts">
        {rows.map(
          ([name, value]) =>
            value && (
              <div key={name}>
                <dt>{name}</dt>
                <dd>{value}</dd>
              </div>
            ),
        )}
      </dl>
    </Section>
  );
}

function JobEvents({ id, job, few }: { id: string; job: Job; few?: boolean }) {
  const [feed] = useState(() => new Feed<Event>((e) => e.seq, 200));
  const { data } = use_dependent<Page<Event>>(`/v1/jobs/${id}/events?limit=${few ? 8 : 100}`, job);
  useEffect(() => {
    if (data) feed.offer(data.items);
  }, [data]);
  return (
    <Section id="events" title={words.events}>
      <Events feed={feed} with_job={false} />
    </Section>
  );
}

function Why({ id, data, problem }: { id: number; data: Explain | null; problem: Problem | null }) {
  return (
    <Section id="why" title={words.why}>
      {problem ? <Failure problem={problem} /> : data ? <Explained of={data} job={id} /> : <p class="empty">{words.loading}</p>}
    </Section>
  );
}

// Of an array so many ended tasks are looked at, to tell what was used.
const USED_OVER = 100;

function UsedPanel({ of: j }: { of: Job }) {
  const ended = j.tasks.succeeded + j.tasks.failed;
  const state = j.tasks.succeeded ? "succeeded" : "failed";
  const { data } = use_dependent<Page<Task>>(ended ? path_of(`/v1/jobs/${j.id}/tasks`, { state, limit: USED_OVER }) : null, ended);
  const { data: spec } = use_dependent<Spec>(`/v1/jobs/${j.id}/spec`, null);
  const attempts = (data?.items ?? []).flatMap((t) => t.attempts.slice(0, 1));
  return (
    <Section id="used" title={words.used}>
      <Used of={j} attempts={attempts} spec={spec} />
    </Section>
  );
}

function Overview({ of: j, refresh }: { of: Job; refresh: () => void }) {
  const one = j.tasks.total === 1;
  return (
    <div class="columns">
      <div class="main-col">
        {one ? (
          <OnlyTask of={j} refresh={refresh} />
        ) : (
          <Section id="life" title={words.life}>
            <LifeLine of={steps_of_job(j)} />
            {j.tasks.failed > 0 && <Failures of={j} />}
          </Section>
        )}
        {j.tasks.succeeded + j.tasks.failed > 0 && <UsedPanel of={j} />}
        <LastLines of={j} />
      </div>
      <div class="side">
        <Facts of={j} />
        <JobEvents id={String(j.id)} job={j} few />
      </div>
    </div>
  );
}

export function JobPage({ id }: { id: string }) {
  const [watch] = useState(() => new Watch<Job>(`/v1/jobs/${id}`, [`job:${id}`]));
  useEffect(() => {
    document.title = `${words.job_title(Number(id))} – ${words.product}`;
    return watch.start();
  }, []);
  const job = watch.data.value;
  const asked = query.value.get("tab") ?? "overview";
  const tab = job && tabs.some((t) => t.name === asked && t.fits(job)) ? asked : "overview";
  const task = query.value.get("task");
  const waits = job !== null && job.wait !== null && job.tasks.placed === 0;
  const path = path_of(`/v1/jobs/${id}/explain`, { task: tab === "why" && task && /^\d{1,10}$/.test(task) ? task : null });
  const why = use_dependent<Explain>(job && (waits || tab === "why") ? path : null, job);
  const to = (name: string) => () => go(query_with({ ...FRESH_TAB, tab: name }));
  use_keys([
    { key: "e", what: words.key_explain, act: to("why") },
    { key: "l", what: words.key_log, act: to("log") },
  ]);
  const problem = watch.problem.value;
  if (problem?.status === 404) {
    return (
      <Empty title={words.job_missing(id)} whole>
        <p>{words.job_missing_fix}</p>
        <Link to="/jobs">{words.to_jobs}</Link>
      </Empty>
    );
  }
  if (!job) return problem ? <Failure problem={problem} /> : <p class="boot">{words.loading}</p>;
  const refresh = () => watch.refresh();
  return (
    <div class="job">
      {problem && <Toast problem={problem} />}
      <Head of={job} why={waits && tab !== "why" ? why.data : null} refresh={refresh} />
      <Tabs of={job} now={tab} />
      {tab === "overview" && <Overview of={job} refresh={refresh} />}
      {tab === "why" && <Why id={job.id} {...why} />}
      {tab === "tasks" && <Tasks of={job} refresh={refresh} />}
      {tab === "log" && <TaskLog of={job} />}
      {tab === "timeline" && <TimelineTab of={job} />}
      {tab === "graph" && <GraphTab of={job} />}
      {tab === "metrics" && <MetricsTab of={job} />}
      {tab === "outputs" && <FilesTab of={job} />}
      {tab === "events" && <JobEvents id={id} job={job} />}
      {tab === "spec" && <SpecTab of={job} />}
    </div>
  );
}
