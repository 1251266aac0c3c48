// SPDX-License-Identifier: Apache-2.0
// job.tsx - one job: what it is, how far it is, why it waits or ran where it did, its tasks, logs and outputs.

import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { Actions } from "../parts/actions";
import { Badge, Ago, Empty, Failure, Lasting, Notice, JobState, Section, Text, Toast } from "../parts/basic";
import { parts_of, Progress } from "../parts/bars";
import { Events } from "../parts/events";
import { Explained } from "../parts/explain";
import { Icon } from "../parts/icon";
import { Outputs } from "../parts/outputs";
import { Tasks } from "../parts/tasks";
import { use_dependent } from "../dependent";
import { Feed } from "../feed";
import { bytes, count, shell_word, visible, visible_lines } from "../format";
import { Watch } from "../live";
import { Link, query } from "../router";
import { words } from "../strings";
import type { Asked, Event, Explain, Job, Page, Spec } from "../types";

function Head({ of: j, refresh }: { of: Job; refresh: () => void }) {
  return (
    <header class="job-head">
      <Link to="/" class="back">
        <Icon name="back" />
        {words.overview}
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
      </ul>
      {j.message && (
        <Notice tone={j.state === "failed" ? "bad" : "calm"} icon={j.state === "failed" ? "cross" : "dots"} title={<Text of={j.message} max={1000} />} />
      )}
      {j.wait && (
        <Notice tone="calm" icon="clock" title={<Text of={j.wait.sentence} max={1000} />}>
          {j.wait.since && (
            <p class="muted">
              {words.since} <Ago at={j.wait.since} />
            </p>
          )}
        </Notice>
      )}
    </header>
  );
}

const resource_text = (name: string, amount: number) =>
  name === "memory" ? `${bytes(amount)} ${words.memory}` : `${count(amount)} ${visible((amount === 1 && words.singular[name]) || name, 40)}`;

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
    [words.fact_tasks, `${count(j.tasks.total)} (${j.first_task}–${j.last_task})`],
    [words.fact_priority, j.priority ? String(j.priority) : null],
    [
      words.fact_resources,
      Object.entries(j.resources ?? {})
        .filter((e): e is [string, number] => (e[1] ?? 0) > 0)
        .map(([name, n]) => resource_text(name, n))
        .join(", "),
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

function WhatRuns({ id }: { id: string }) {
  const { data: spec, problem } = use_dependent<Spec>(`/v1/jobs/${id}/spec`, null);
  if (problem) return <Failure problem={problem} />;
  if (!spec) return null;
  const args = (spec.args ?? []).map(shell_word).join(" ");
  return (
    <Section id="what" title={words.what_runs}>
      {spec.script ? (
        <pre class="code" tabIndex={0} aria-labelledby="what">
          {visible_lines(spec.script.slice(0, 20_000))}
        </pre>
      ) : (
        <p class="code">{visible((spec.command ?? []).map(shell_word).join(" "), 4000)}</p>
      )}
      {spec.script && args && (
        <p>
          {words.spec_args}: <code>{visible(args, 2000)}</code>
        </p>
      )}
    </Section>
  );
}

function JobEvents({ id, job }: { id: string; job: Job }) {
  const [feed] = useState(() => new Feed<Event>((e) => e.seq, 200));
  const { data } = use_dependent<Page<Event>>(`/v1/jobs/${id}/events?limit=50`, job);
  useEffect(() => {
    if (data) feed.offer(data.items);
  }, [data]);
  return (
    <Section id="events" title={words.events}>
      <Events feed={feed} with_job={false} />
    </Section>
  );
}

function Why({ id, job }: { id: string; job: Job }) {
  const task = query.value.get("task");
  const path = `/v1/jobs/${id}/explain${task && /^\d+$/.test(task) ? `?task=${task}` : ""}`;
  const { data, problem } = use_dependent<Explain>(path, job);
  return (
    <Section id="why" title={words.why}>
      {problem ? <Failure problem={problem} /> : data ? <Explained of={data} /> : <p class="empty">{words.loading}</p>}
    </Section>
  );
}

export function JobPage({ id }: { id: string }) {
  const [watch] = useState(() => new Watch<Job>(`/v1/jobs/${id}`, [`job:${id}`]));
  useEffect(() => {
    document.title = `${words.job_title(Number(id))} – ${words.product}`;
    return watch.start();
  }, []);
  const job = watch.data.value;
  // Where nothing has been placed yet, why is what people came for. Settled once: the page does not rearrange itself.
  const order = useRef<boolean | null>(null);
  if (job) order.current ??= job.tasks.ready + job.tasks.blocked === job.tasks.total;
  const why_first = order.current === true;
  const problem = watch.problem.value;
  if (problem?.status === 404) {
    return (
      <Empty title={words.job_missing(id)} whole>
        <p>{words.job_missing_fix}</p>
        <Link to="/">{words.to_overview}</Link>
      </Empty>
    );
  }
  if (!job) return problem ? <Failure problem={problem} /> : <p class="boot">{words.loading}</p>;
  return (
    <div class="job">
      {problem && <Toast problem={problem} />}
      <Head of={job} refresh={() => watch.refresh()} />
      <div class="columns">
        <div class="main-col">
          {why_first && <Why id={id} job={job} />}
          <Tasks of={job} />
          {!why_first && <Why id={id} job={job} />}
        </div>
        <div class="side">
          <Facts of={job} />
          <WhatRuns id={id} />
          <Outputs of={job} />
          <JobEvents id={id} job={job} />
        </div>
      </div>
    </div>
  );
}
