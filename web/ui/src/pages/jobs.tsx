// SPDX-License-Identifier: Apache-2.0
// jobs.tsx - all jobs that one may see: a query, a page of rows that never move, and what may be done to many at once.
//
// The address holds the filter, the columns and where the page begins. The first page is live: what is new waits behind
// a button, and rows that are no longer among those that the server lists first are asked again by number.

import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { me, path_of } from "../api";
import { Bulk } from "../parts/bulk";
import { columns_shown, Columns, JobRow, JobHead, rows_are_close } from "../parts/job_rows";
import { Copy, Command, Empty, Failure, Fresh, Toast } from "../parts/basic";
import { QueryBar } from "../parts/query_bar";
import { use_dependent } from "../dependent";
import { Feed } from "../feed";
import { count, shell_word } from "../format";
import { filter_asked, filter_of, filter_options, type Filter } from "../jobs_filter";
import { use_keys } from "../keys";
import { lazy } from "../lazy";
import { Watch } from "../live";
import { export_jobs } from "../export";
import { go, Link, path_with, query, query_set, query_with } from "../router";
import { Rows } from "../rows";
import { words } from "../strings";
import type { Job, Page } from "../types";

const PAGE = 50;
const ROWS_MAX = 500; // of one page, after many "12 new"
const STEPS_MAX = 5; // how far a filter looks back by itself

const FacetPanel = lazy(() => import("../parts/facets").then((m) => m.FacetPanel));
const Views = lazy(() => import("../parts/views").then((m) => m.Views));
const FACETS_KEY = "reeve-facets";

const is_over = (j: Job) => j.finished_at !== null;

function None({ filter, next }: { filter: Filter; next: string | null }) {
  if (next) {
    return (
      <Empty title={words.jobs_none_here}>
        <Link to={query_with({ cursor: next })}>{words.jobs_look_further}</Link>
      </Empty>
    );
  }
  if (Object.keys(filter).length > 0) {
    return (
      <Empty title={words.jobs_none_match}>
        <p>{words.jobs_none_match_fix}</p>
        <Link to="/jobs">{words.jobs_clear}</Link>
      </Empty>
    );
  }
  return (
    <Empty title={words.jobs_none}>
      <p>
        <Link to="/submit">{words.submit}</Link> {words.jobs_none_or}
      </p>
      <Command line="reeve submit -- hostname" />
    </Empty>
  );
}

function Export({ filter }: { filter: Filter }) {
  const [busy, set_busy] = useState<string>("");
  const url = path_of("/v1/jobs", { ...filter_asked(filter), limit: 1000 });
  const save = async (kind: "csv" | "json") => {
    set_busy(words.export_busy("0"));
    try {
      await export_jobs(filter, kind, (n) => set_busy(words.export_busy(count(n))));
      set_busy("");
    } catch {
      set_busy(words.export_failed);
    }
  };
  return (
    <details class="menu">
      <summary>{words.export_menu}</summary>
      <div class="menu-body">
        <button type="button" class="quiet" onClick={() => void save("csv")}>
          {words.export_csv}
        </button>
        <button type="button" class="quiet" onClick={() => void save("json")}>
          {words.export_json}
        </button>
        <p class="muted small" aria-live="polite">
          {busy || words.export_bound}
        </p>
        <p class="muted small">{words.as_command}</p>
        <Command line={["reeve", "jobs", ...filter_options(filter), "-o", "csv"].map(shell_word).join(" ")} />
        <p class="muted small">{words.as_url}</p>
        <div class="command">
          <a href={url} class="grow" target="_blank" rel="noreferrer">
            <code>{url}</code>
          </a>
          <Copy text={location.origin + url} />
        </div>
      </div>
    </details>
  );
}

// The row that j and k move; the focus goes with it.
function use_cursor(jobs: Job[]) {
  const at = useRef<number | null>(null); // a job's number
  const index = () => jobs.findIndex((j) => j.id === at.current);
  const to = (i: number) => {
    const j = jobs[Math.max(0, Math.min(jobs.length - 1, i))];
    if (!j) return;
    at.current = j.id;
    const row = document.getElementById(`job-${j.id}`);
    row?.querySelector<HTMLElement>("a.whole")?.focus();
    row?.scrollIntoView({ block: "nearest" });
  };
  // What the keyboard is at: the row with the focus, else the last one.
  const current = () => {
    const row = document.activeElement?.closest("tr[id^='job-']");
    if (row) at.current = Number(row.id.slice(4));
    return jobs[index()];
  };
  return { next: () => (current(), to(index() + 1)), back: () => (current(), to(index() < 0 ? 0 : index() - 1)), current };
}

function List({ filter, cursor, listed_now }: { filter: Filter; cursor: string | null; listed_now: (page: Page<Job>) => void }) {
  const [feed] = useState(() => new Feed<Job>((j) => j.id, ROWS_MAX));
  const [next, set_next] = useState<string | null | undefined>(undefined);
  const [watch] = useState(
    () =>
      new Watch<Page<Job>>(path_of("/v1/jobs", { ...filter_asked(filter), cursor, limit: PAGE }), ["jobs"], (page) => {
        if (feed.shown.value.length === 0) set_next(page.next_cursor);
        feed.offer(page.items);
        listed_now(page);
      }),
  );
  useEffect(() => watch.start(), []);
  const page = watch.data.value;
  const shown = feed.shown.value;

  // A filter looks at a bounded number of jobs at a time; a few times it goes on by itself.
  const steps = Number(query.value.get("steps") ?? 0);
  useEffect(() => {
    if (page && page.items.length === 0 && page.next_cursor && shown.length === 0 && steps < STEPS_MAX)
      go(query_with({ cursor: page.next_cursor, steps: String(steps + 1) }), "replace");
  }, [page]);

  const [rows] = useState(() => new Rows((jobs) => feed.offer(jobs)));
  useEffect(() => rows.show(shown.filter((j) => !is_over(j)).map((j) => j.id)), [shown]);
  useEffect(() => () => rows.stop(), []);

  const listed = new Set(page?.items.map((j) => j.id));
  const rest = shown.filter((j) => !is_over(j) && !listed.has(j.id)).slice(0, 200).map((j) => j.id);
  const { data: again } = use_dependent<Page<Job>>(rest.length ? path_of("/v1/jobs", { ids: rest.join(","), limit: 200 }) : null, page);
  useEffect(() => {
    if (again) feed.offer(again.items);
  }, [again]);

  const [chosen, set_chosen] = useState<Set<number>>(new Set());
  const toggle = (id: number, on = !chosen.has(id)) => {
    const s = new Set(chosen);
    if (on) s.add(id);
    else s.delete(id);
    set_chosen(s);
  };
  const [verb, set_verb] = useState<"cancel" | null>(null);
  const row = use_cursor(shown);
  const open = (tab: string | null) => {
    const j = row.current();
    if (j) go(path_with(`/jobs/${j.id}`, { tab }));
  };
  const may_change = me.value?.role !== "viewer";
  use_keys([
    { key: "j", what: words.key_down, act: row.next },
    { key: "k", what: words.key_up, act: row.back },
    { key: "e", what: words.key_explain, act: () => open("why") },
    { key: "l", what: words.key_log, act: () => open("log") },
    ...(may_change
      ? [
          { key: "x", what: words.key_select, act: () => row.current() && toggle(row.current()!.id) },
          {
            key: "c",
            what: words.key_cancel,
            act: () => {
              const j = row.current();
              if (chosen.size === 0 && j) toggle(j.id, true);
              if (chosen.size > 0 || j) set_verb("cancel");
            },
          },
        ]
      : []),
  ]);

  // Many more may be waiting than one page carries: then the list starts over, so that it has no hole.
  const reveal = () => {
    if (feed.fresh.value.length < PAGE) return feed.reveal();
    feed.reset();
    watch.refresh();
  };
  const columns = columns_shown();
  const problem = watch.problem.value;
  if (!page) return problem ? <Failure problem={problem} /> : <p class="empty">{words.loading}</p>;
  const on = next === undefined ? page.next_cursor : next;
  return (
    <>
      {problem && <Toast problem={problem} />}
      {may_change && <Bulk filter={filter} chosen={chosen} shown={shown} more={on !== null} set={set_chosen} verb={verb} forget_verb={() => set_verb(null)} done={() => watch.refresh()} />}
      <Fresh label={words.jobs_fresh} n={cursor ? 0 : feed.fresh.value.length} onClick={reveal} />
      {shown.length === 0 ? (
        <None filter={filter} next={on} />
      ) : (
        <table class={`rows jobs ${rows_are_close.value ? "close" : ""}`} role="table">
          <caption class="unseen">{words.jobs}</caption>
          <JobHead columns={columns} all={shown.every((j) => chosen.has(j.id))} {...(may_change ? { toggle_all: (all: boolean) => set_chosen(new Set(all ? shown.map((j) => j.id) : [])) } : {})} />
          <tbody role="rowgroup">
            {shown.map((j) => (
              <JobRow key={j.id} of={j} columns={columns} chosen={chosen.has(j.id)} toggle={may_change ? (v) => toggle(j.id, v) : undefined} />
            ))}
          </tbody>
        </table>
      )}
      <nav class="pager" aria-label={words.pages_of_list}>
        {cursor && <Link to={query_with({ cursor: null, steps: null })}>{words.jobs_newest}</Link>}
        {on && shown.length > 0 && <Link to={query_with({ cursor: on, steps: null })}>{words.jobs_more}</Link>}
      </nav>
    </>
  );
}

function remembered_open(): boolean {
  try {
    return localStorage.getItem(FACETS_KEY) === "open";
  } catch {
    return false; // storage may be forbidden
  }
}

const distinct = (list: string[]) => [...new Set(list)].sort();

export function Jobs() {
  useEffect(() => {
    document.title = `${words.jobs} – ${words.product}`;
  }, []);
  const text = query.value.toString();
  const filter = useMemo(() => filter_of(query.value), [text]);
  const cursor = query.value.get("cursor");
  const bar = useRef<HTMLInputElement>(null);
  const [page, set_page] = useState<Page<Job> | null>(null);
  const [narrow, set_narrow] = useState(remembered_open);
  const [viewed, set_viewed] = useState(false);
  use_keys([
    { key: "/", what: words.key_search, act: () => bar.current?.focus() },
  ]);
  const set = (f: Filter) => query_set({ state: null, project: null, user: null, name: null, site: null, label: null, ids: null, since: null, until: null, cursor: null, steps: null, ...f });
  const toggle = () => {
    set_narrow(!narrow);
    try {
      localStorage.setItem(FACETS_KEY, narrow ? "" : "open");
    } catch {
      // then it lasts as long as the page
    }
  };
  const jobs = page?.items ?? [];
  const seen = { project: distinct([...(me.value?.projects ?? []).map((p) => (typeof p === "string" ? p : p.name)), ...jobs.map((j) => j.project)]), user: distinct([me.value?.name ?? "", ...jobs.map((j) => j.user)]), site: distinct(jobs.flatMap((j) => j.sites ?? [])), name: distinct(jobs.map((j) => j.name)) };
  return (
    <section class="panel jobs-page" aria-labelledby="jobs-title">
      <header>
        <h1 id="jobs-title">{words.jobs}</h1>
        <span class="grow" />
        <button type="button" class={`toggle ${narrow ? "on" : ""}`} aria-pressed={narrow} onClick={toggle}>
          {words.facets}
        </button>
        <details class="menu views-menu" onToggle={(e) => e.currentTarget.open && set_viewed(true)}>
          <summary>{words.views}</summary>
          {viewed && <Views page="jobs" />}
        </details>
        <Columns />
        <Export filter={filter} />
      </header>
      <QueryBar filter={filter} input={bar} seen={seen} set={set} />
      {narrow && <FacetPanel filter={filter} version={page} set={set} />}
      <List key={JSON.stringify([filter, cursor])} filter={filter} cursor={cursor} listed_now={set_page} />
    </section>
  );
}
