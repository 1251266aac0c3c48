// SPDX-License-Identifier: Apache-2.0
// job_rows.tsx - a job as a row of a list. The first cells are always there; of the others the reader chooses.

import { signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { Progress } from "./bars";
import { Ago, Badge, JobState, Lasting, Text } from "./basic";
import { amounts, count, remaining, visible } from "../format";
import { Link, query, query_set } from "../router";
import { words } from "../strings";
import type { Job } from "../types";

const KEY = "reeve-columns";

interface Column {
  name: string;
  word: string;
  num?: boolean;
  cell: (j: Job) => ComponentChildren;
}

const columns: Column[] = [
  { name: "project", word: words.col_project, cell: (j) => <Text of={j.project} max={60} /> },
  { name: "user", word: words.col_user, cell: (j) => <Text of={j.user} max={60} /> },
  { name: "asks", word: words.col_asks, cell: (j) => amounts(j.resources) },
  { name: "sites", word: words.col_sites, cell: (j) => <Text of={j.sites?.length ? j.sites.join(", ") : words.any_site} max={120} /> },
  { name: "labels", word: words.col_labels, cell: (j) => Object.entries(j.labels).map(([k, v]) => visible(`${k}=${v}`, 60)).join(", ") },
  { name: "priority", word: words.col_priority, num: true, cell: (j) => j.priority ?? "–" },
  { name: "tasks", word: words.col_tasks, num: true, cell: (j) => count(j.tasks.total) },
  { name: "failed", word: words.col_failed, num: true, cell: (j) => count(j.tasks.failed) },
  { name: "submitted", word: words.col_age, num: true, cell: (j) => <Ago at={j.submitted_at} /> },
  { name: "started", word: words.col_started, num: true, cell: (j) => <Ago at={j.started_at} /> },
  { name: "took", word: words.col_took, num: true, cell: (j) => <Lasting from={j.started_at} to={j.finished_at} /> },
];
const USUAL = ["project", "user", "submitted", "took"];

// How close the rows stand; kept in this browser.
const CLOSE_KEY = "reeve-rows";
export const rows_are_close = signal(false);
try {
  rows_are_close.value = localStorage.getItem(CLOSE_KEY) === "close";
} catch {
  // storage may be forbidden
}
export function rows_close_set(on: boolean): void {
  rows_are_close.value = on;
  try {
    localStorage.setItem(CLOSE_KEY, on ? "close" : "");
  } catch {
    // then it lasts as long as the page
  }
}

function remembered(): string[] {
  try {
    const text = localStorage.getItem(KEY);
    return text === null ? USUAL : text.split(",");
  } catch {
    return USUAL; // storage may be forbidden
  }
}

export function columns_shown(): Column[] {
  const asked = query.value.get("cols")?.split(",") ?? remembered();
  return columns.filter((c) => asked.includes(c.name));
}

export const columns_named = (names: string[]): Column[] => columns.filter((c) => names.includes(c.name));

export function Columns() {
  const shown = columns_shown().map((c) => c.name);
  const toggle = (name: string, on: boolean) => {
    const now = columns.map((c) => c.name).filter((n) => (n === name ? on : shown.includes(n)));
    try {
      localStorage.setItem(KEY, now.join(","));
    } catch {
      // then the address alone holds it
    }
    query_set({ cols: now.join(",") || "none" });
  };
  return (
    <details class="menu">
      <summary>{words.columns_menu}</summary>
      <div class="menu-body">
        {columns.map((c) => (
          <label key={c.name} class="check">
            <input type="checkbox" checked={shown.includes(c.name)} onChange={(e) => toggle(c.name, e.currentTarget.checked)} />
            {c.word}
          </label>
        ))}
        <label class="check density">
          <input type="checkbox" checked={rows_are_close.value} onChange={(e) => rows_close_set(e.currentTarget.checked)} />
          {words.density}
        </label>
      </div>
    </details>
  );
}

interface HeadProps {
  columns: Column[];
  // Where jobs can be picked: whether all of the page are.
  all?: boolean;
  toggle_all?: (all: boolean) => void;
}

export function JobHead({ columns: shown, all, toggle_all }: HeadProps) {
  return (
    <thead role="rowgroup">
      <tr role="row">
        {toggle_all && (
          <th scope="col" role="columnheader" class="pick">
            <label>
              <input type="checkbox" checked={all === true} aria-label={words.select_page} onChange={(e) => toggle_all(e.currentTarget.checked)} />
            </label>
          </th>
        )}
        <th scope="col" role="columnheader">{words.col_job}</th>
        <th scope="col" role="columnheader">{words.col_state}</th>
        <th scope="col" role="columnheader">{words.col_progress}</th>
        {shown.map((c) => (
          <th key={c.name} scope="col" role="columnheader" class={`wide-cell ${c.num ? "num" : ""}`}>
            {c.word}
          </th>
        ))}
      </tr>
    </thead>
  );
}

const is_over = (j: Job) => j.finished_at !== null;

// What stands below the bar: how much is done, and how long the rest will take.
function Far({ of: j }: { of: Job }) {
  const done = j.tasks.succeeded + j.tasks.failed + j.tasks.cancelled;
  const rest = j.pace?.remaining;
  const part = j.progress?.fraction;
  return (
    <span class="sub num">
      {rest && <span class="eta">{remaining(rest)} · </span>}
      {j.tasks.total === 1 && part !== null && part !== undefined && !is_over(j) ? `${Math.floor(part * 100)} %` : `${count(done)} / ${count(j.tasks.total)}`}
    </span>
  );
}

interface RowProps {
  of: Job;
  columns: Column[];
  chosen?: boolean;
  toggle?: ((on: boolean) => void) | undefined;
}

// The roles are said again because a narrow screen lays the rows out as cards, and browsers then forget the table.
export function JobRow({ of: j, columns: shown, chosen = false, toggle }: RowProps) {
  const said = j.wait?.sentence ?? j.progress?.text ?? j.message;
  return (
    <tr role="row" id={`job-${j.id}`} class={chosen ? "picked" : ""}>
      {toggle && (
        <td role="cell" class="pick">
          <label>
            <input type="checkbox" checked={chosen} aria-label={words.select_job(j.id)} onChange={(e) => toggle(e.currentTarget.checked)} />
          </label>
        </td>
      )}
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
        <Far of={j} />
      </td>
      {shown.map((c) => (
        <td key={c.name} role="cell" class={`wide-cell ${c.num ? "num" : ""}`}>
          {c.cell(j)}
        </td>
      ))}
    </tr>
  );
}
