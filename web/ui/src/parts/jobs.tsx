// SPDX-License-Identifier: Apache-2.0
// jobs.tsx - the list of jobs, newest first.
//
// Without a filter the first rows come with the overview. A filter, and everything older, is asked from /v1/jobs; the
// rows that are shown and not over yet are then asked again, by number, when the overview changes.

import { useEffect, useRef, useState } from "preact/hooks";
import { get, path_of, Problem } from "../api";
import { Progress } from "./bars";
import { Ago, Badge, Command, Empty, Failure, Fresh, JobState, Section, Text } from "./basic";
import { Feed } from "../feed";
import { count } from "../format";
import { Link, query, query_set } from "../router";
import { words } from "../strings";
import type { Job, Overview, Page } from "../types";

const ROWS_MAX = 1000; // protects the page: whoever wants more uses the command line
const PAGE = 50;
const STEPS_MAX = 5;
const REFRESH_MS = 3000;
const STATES = ["accepted", "active", "succeeded", "failed", "cancelled"];

const is_over = (j: Job) => j.finished_at !== null;

class JobList {
  readonly feed = new Feed<Job>((j) => j.id, ROWS_MAX);
  cursor: string | null = null;
  private refreshed = 0;

  constructor(readonly filter: { state: string; name: string }) {}

  get filtered(): boolean {
    return this.filter.state !== "" || this.filter.name !== "";
  }

  async more(): Promise<void> {
    // The overview's rows came without a cursor: start over, what is known is left out. A filter may find nothing in
    // one step of the server and more in the next.
    let page: Page<Job>;
    let steps = 0;
    do {
      page = await get<Page<Job>>(path_of("/v1/jobs", { ...this.filter, cursor: this.cursor, limit: PAGE }));
      this.cursor = page.next_cursor;
    } while (page.items.length === 0 && page.next_cursor !== null && ++steps < STEPS_MAX);
    if (this.feed.shown.value.length === 0) this.feed.offer(page.items);
    else this.feed.append(page.items);
  }

  async follow(o: Overview): Promise<void> {
    if (!this.filtered) this.feed.offer(o.recent_jobs);
    const in_overview = new Set(o.recent_jobs.map((j) => j.id));
    const open = this.feed.shown.value.filter((j) => !is_over(j) && (this.filtered || !in_overview.has(j.id)));
    const due = Date.now() - this.refreshed > REFRESH_MS;
    if (!due || (open.length === 0 && !this.filtered)) return;
    this.refreshed = Date.now();
    if (this.filtered) this.feed.offer((await get<Page<Job>>(path_of("/v1/jobs", { ...this.filter, limit: PAGE }))).items);
    if (open.length === 0) return;
    const ids = open.slice(0, 200).map((j) => j.id).join(",");
    this.feed.offer((await get<Page<Job>>(path_of("/v1/jobs", { ids, limit: 200 }))).items);
  }
}

function Filters({ list }: { list: JobList }) {
  const [name, set_name] = useState(list.filter.name);
  const search = (e: SubmitEvent) => {
    e.preventDefault();
    query_set({ name: name.trim() });
  };
  return (
    <div class="filters">
      <select aria-label={words.col_state} value={list.filter.state} onChange={(e) => query_set({ state: e.currentTarget.value })}>
        <option value="">{words.all}</option>
        {STATES.map((s) => (
          <option key={s} value={s}>
            {s}
          </option>
        ))}
      </select>
      <form role="search" onSubmit={search}>
        <input
          type="search"
          aria-label={words.job_filter_name}
          placeholder={words.job_filter_name}
          maxLength={200}
          value={name}
          onInput={(e) => {
            set_name(e.currentTarget.value);
            if (e.currentTarget.value === "") query_set({ name: null });
          }}
        />
      </form>
    </div>
  );
}

// The roles are said again because a narrow screen lays the rows out as cards, and browsers then forget the table.
function Row({ of: j }: { of: Job }) {
  const done = j.tasks.succeeded + j.tasks.failed + j.tasks.cancelled;
  const said = j.wait?.sentence ?? j.message;
  return (
    <tr role="row">
      <td role="cell" class="job-cell">
        <Link to={`/jobs/${j.id}`} class="whole">
          <span class="id">{j.id}</span> <Text of={j.name} max={120} />
        </Link>
        <span class="sub narrow">
          <Text of={j.project} max={60} /> · <Ago at={j.submitted_at} />
        </span>
      </td>
      <td role="cell" class="state-cell">
        <JobState of={j} />
        {j.held && !is_over(j) && (
          <Badge icon="pause" tone="warn">
            {words.on_hold}
          </Badge>
        )}
        {said && (
          <span class="sub">
            <Text of={said} max={200} />
          </span>
        )}
      </td>
      <td role="cell" class="progress-cell">
        <Progress of={j.tasks} />
        <span class="sub num">
          {count(done)} / {count(j.tasks.total)}
        </span>
      </td>
      <td role="cell" class="wide-cell">
        <Text of={j.project} max={60} />
      </td>
      <td role="cell" class="wide-cell num">
        <Ago at={j.submitted_at} />
      </td>
    </tr>
  );
}

function None({ filtered }: { filtered: boolean }) {
  if (filtered) {
    return (
      <Empty title={words.jobs_none_match}>
        <p>{words.jobs_none_match_fix}</p>
      </Empty>
    );
  }
  return (
    <Empty title={words.jobs_none}>
      <p>{words.jobs_none_fix}</p>
      <Command line="reeve submit -- hostname" />
    </Empty>
  );
}

function Table({ list }: { list: JobList }) {
  return (
    <table class="rows jobs" role="table">
      <caption class="unseen">{words.jobs}</caption>
      <thead role="rowgroup">
        <tr role="row">
          <th scope="col" role="columnheader">{words.col_job}</th>
          <th scope="col" role="columnheader">{words.col_state}</th>
          <th scope="col" role="columnheader">{words.col_progress}</th>
          <th scope="col" role="columnheader" class="wide-cell">
            {words.col_project}
          </th>
          <th scope="col" role="columnheader" class="wide-cell num">
            {words.col_age}
          </th>
        </tr>
      </thead>
      <tbody role="rowgroup">
        {list.feed.shown.value.map((j) => (
          <Row key={j.id} of={j} />
        ))}
      </tbody>
    </table>
  );
}

export function Jobs({ overview }: { overview: Overview }) {
  const state = STATES.includes(query.value.get("state") ?? "") ? query.value.get("state")! : "";
  const name = query.value.get("name") ?? "";
  const list = useRef<JobList | null>(null);
  const [loading, set_loading] = useState(false);
  const [problem, set_problem] = useState<Problem | null>(null);
  const [ended, set_ended] = useState(false);
  if (list.current?.filter.state !== state || list.current.filter.name !== name) list.current = new JobList({ state, name });
  const now = list.current;

  const run = async (work: () => Promise<void>) => {
    set_loading(true);
    try {
      await work();
      set_problem(null);
    } catch (reason) {
      set_problem(Problem.from(reason));
    }
    set_loading(false);
  };
  useEffect(() => {
    set_ended(false);
    if (now.filtered) void run(() => now.more()).then(() => set_ended(now.cursor === null));
  }, [now]);
  useEffect(() => void now.follow(overview).catch(() => {}), [overview, now]);

  const shown = now.feed.shown.value.length;
  // Many more may be waiting than the overview carries: then the list starts over, so that it has no hole.
  const reveal = () => {
    if (now.feed.fresh.value.length < overview.recent_jobs.length) return now.feed.reveal();
    now.feed.reset();
    now.cursor = null;
    void run(() => now.more());
  };
  const older = () => void run(() => now.more()).then(() => set_ended(now.cursor === null));
  return (
    <Section id="jobs" title={words.jobs} aside={<Filters key={`${state} ${name}`} list={now} />}>
      {problem && <Failure problem={problem} />}
      <Fresh label={words.jobs_fresh} n={now.feed.fresh.value.length} onClick={reveal} />
      {shown > 0 ? <Table list={now} /> : loading ? <p class="empty">{words.loading}</p> : <None filtered={now.filtered} />}
      {!ended && (now.cursor !== null || shown >= 20) && shown < ROWS_MAX && (
        <button type="button" class="more" disabled={loading} onClick={older}>
          {loading ? words.loading : words.jobs_more}
        </button>
      )}
    </Section>
  );
}
