// SPDX-License-Identifier: Apache-2.0
// queue.tsx - who is served next, where I stand, and how projects share what there is.

import { useEffect, useState } from "preact/hooks";
import { me, path_of } from "../api";
import { Badge, Command, Empty, Failure, Section, Text, Toast } from "../parts/basic";
import { count, seconds, shell_word } from "../format";
import { Watch } from "../live";
import { Link, query, query_set } from "../router";
import { words } from "../strings";
import { Table, Take, type Column } from "./table";
import type { QueueItem, QueueProject, QueueReply } from "./types";
import { w } from "./words";

const SHOWN = 200;

const columns: Column<QueueItem>[] = [
  { name: "position", word: w.col_place, value: (i) => i.position, cell: (i) => <span class="place">{count(i.position)}</span> },
  {
    name: "job",
    word: w.col_job,
    whole: true,
    value: (i) => i.job,
    cell: (i) => (
      <Link to={`/jobs/${i.job}?tab=why`} class="whole">
        <span class="id">{i.job}</span> <Text of={i.name} max={100} />
      </Link>
    ),
  },
  {
    name: "tasks",
    word: w.col_tasks,
    num: true,
    value: (i) => i.tasks,
    cell: (i) => (
      <>
        {count(i.tasks)}
        {i.alike > 0 && <span class="sub">{w.alike(count(i.alike))}</span>}
      </>
    ),
  },
  { name: "project", word: w.col_project, value: (i) => i.project, cell: (i) => <Text of={i.project} max={60} /> },
  { name: "user", word: w.col_user, value: (i) => i.user, cell: (i) => <>{<Text of={i.user} max={60} />}{i.user === me.value?.name && <span class="sub">{w.you}</span>}</> },
  { name: "priority", word: words.col_priority, num: true, wide: true, value: (i) => i.priority, cell: (i) => i.priority },
  {
    name: "wait",
    word: w.col_why,
    whole: true,
    value: (i) => i.wait?.reason,
    cell: (i) => (
      <>
        {i.held && (
          <Badge icon="pause" tone="warn">
            {words.on_hold}
          </Badge>
        )}
        <span class="muted">
          <Text of={i.wait?.sentence} max={200} />
        </span>
      </>
    ),
  },
];

// Part and target as two bars over each other; the numbers stand beside them.
function Share({ of: p, shares, usages }: { of: QueueProject; shares: number; usages: number }) {
  const target = shares > 0 ? p.share / shares : 0;
  const part = usages > 0 ? p.usage / usages : 0;
  return (
    <div class="share">
      <div class="share-bar" aria-hidden="true">
        <i class={part > target ? "over" : ""} style={{ width: `${100 * Math.min(1, part)}%` }} />
        <b style={{ left: `${100 * Math.min(1, target)}%` }} />
      </div>
      <span class="num">{w.share_of(`${Math.round(100 * part)} %`, `${Math.round(100 * target)} %`)}</span>
    </div>
  );
}

function Projects({ of: projects }: { of: QueueProject[] }) {
  const shares = projects.reduce((n, p) => n + p.share, 0);
  const usages = projects.reduce((n, p) => n + p.usage, 0);
  const others = projects.filter((p) => p.project === null).length;
  const project_columns: Column<QueueProject>[] = [
    { name: "project", word: w.col_project, cell: (p) => (p.project === null ? <span class="muted">{w.other_project}</span> : <Text of={p.project} max={64} />) },
    { name: "share", word: w.col_share, whole: true, cell: (p) => <Share of={p} shares={shares} usages={usages} /> },
    { name: "score", word: w.col_score, num: true, cell: (p) => (p.score >= 1000 ? seconds(p.score) : p.score.toFixed(p.score < 10 ? 1 : 0)) },
    { name: "running", word: w.col_running, num: true, cell: (p) => (<>{count(p.running)}{(p.max_tasks ?? p.max_cpus) !== null && <span class="sub">{w.limit_of(p.max_cpus, p.max_tasks)}</span>}</>) },
    { name: "waiting", word: w.col_waiting, num: true, cell: (p) => (<>{count(p.waiting)}<span class="sub">{w.in_jobs(count(p.jobs))}</span></>) },
  ];
  return (
    <Section id="shares" title={w.fair}>
      <p class="muted">{w.fair_lead}</p>
      {projects.length === 0 ? <p class="muted">{w.fair_none}</p> : <Table caption={w.fair} columns={project_columns} items={projects} id={(p) => p.project ?? `other${projects.indexOf(p)}`} />}
      {others > 0 && <p class="muted small">{w.others_hidden}</p>}
    </Section>
  );
}

function Mine({ of: q }: { of: QueueReply }) {
  const mine = q.items.filter((i) => i.user === me.value?.name);
  const first = mine[0];
  if (!first) return <p class="lead">{q.items.length ? w.mine_none : w.queue_free}</p>;
  return (
    <p class="lead">
      {w.mine_first(count(mine.length))} <Link to={`/jobs/${first.job}?tab=why`}>{first.job}</Link> {w.mine_stands(count(first.position))}{" "}
      <Link to={`/jobs/${first.job}?tab=why`}>{w.mine_why}</Link>
    </p>
  );
}

export function QueuePage() {
  const project = query.value.get("project");
  const path = path_of("/v1/queue", { project, limit: SHOWN });
  return <Shown key={path} path={path} project={project} />;
}

function Shown({ path, project }: { path: string; project: string | null }) {
  const [watch] = useState(() => new Watch<QueueReply>(path, ["jobs"]));
  useEffect(() => {
    document.title = `${words.queue} – ${words.product}`;
    return watch.start();
  }, []);
  const q = watch.data.value;
  const problem = watch.problem.value;
  if (!q) return problem ? <Failure problem={problem} /> : <p class="boot">{words.loading}</p>;
  const projects = (me.value?.projects ?? []).map((p) => (typeof p === "string" ? p : p.name));
  return (
    <div class="home">
      {problem && <Toast problem={problem} />}
      <section class="panel" aria-labelledby="queue-title">
        <header>
          <h1 id="queue-title">{words.queue}</h1>
          <span class="muted grow">{w.waiting_all(count(q.waiting.tasks), count(q.waiting.jobs))}</span>
          {projects.length > 1 && (
            <label class="inline-field">
              {w.col_project}
              <select value={project ?? ""} onChange={(e) => query_set({ project: e.currentTarget.value })}>
                <option value="">{words.all}</option>
                {projects.map((p) => (
                  <option key={p} value={p}>
                    {p}
                  </option>
                ))}
              </select>
            </label>
          )}
          <Take name="queue" path={path} columns={columns} items={q.items} command={["reeve", "queue", ...(project ? ["--project", project] : [])].map(shell_word).join(" ")} />
        </header>
        <Mine of={q} />
        {q.items.length === 0 ? (
          <Empty title={w.queue_none}>
            <p>{w.queue_none_fix}</p>
            <Command line="reeve submit -- hostname" />
          </Empty>
        ) : (
          <Table caption={words.queue} columns={columns} items={q.items} id={(i) => i.job} look="queue" chosen={(i) => i.user === me.value?.name} />
        )}
        {q.more && <p class="muted">{w.queue_more}</p>}
      </section>
      <Projects of={q.projects} />
    </div>
  );
}
