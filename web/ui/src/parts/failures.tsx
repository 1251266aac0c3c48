// SPDX-License-Identifier: Apache-2.0
// failures.tsx - failed tasks of an array, put together by how they ended and where.

import { path_of } from "../api";
import { Text } from "./basic";
import { use_dependent } from "../dependent";
import { count } from "../format";
import { Link, query_with } from "../router";
import { words } from "../strings";
import type { Attempt, Job, Page, Task } from "../types";

const LOOKED_AT = 500; // of so many failed tasks; the groups of the others look alike

interface Group {
  how: string;
  sites: Map<string, number>;
  tasks: number[];
}

function how_of(a: Attempt | undefined): string {
  if (!a) return words.fail_unknown;
  if (a.signal) return words.fail_signal(a.signal);
  if (a.code) return words.fail_code(a.code);
  return a.sentence ?? a.outcome ?? words.fail_unknown;
}

export function groups_of(tasks: Task[]): Group[] {
  const groups = new Map<string, Group>();
  for (const t of tasks) {
    const last = [...t.attempts].sort((a, b) => b.attempt - a.attempt)[0];
    const how = how_of(last);
    const g: Group = groups.get(how) ?? { how, sites: new Map(), tasks: [] };
    g.tasks.push(t.task);
    const site = last?.site ?? "–";
    g.sites.set(site, (g.sites.get(site) ?? 0) + 1);
    groups.set(how, g);
  }
  return [...groups.values()].sort((a, b) => b.tasks.length - a.tasks.length);
}

export function Failures({ of: j }: { of: Job }) {
  const { data } = use_dependent<Page<Task>>(path_of(`/v1/jobs/${j.id}/tasks`, { state: "failed", limit: LOOKED_AT }), j.tasks.failed);
  if (!data || data.items.length === 0) return null;
  const groups = groups_of(data.items);
  return (
    <div class="failures">
      <h3>{words.failures}</h3>
      <ul>
        {groups.slice(0, 8).map((g) => (
          <li key={g.how}>
            <b class="num">{count(g.tasks.length)}</b>
            <span class="grow">
              <Text of={g.how} max={120} />{" "}
              <span class="muted">
                {[...g.sites].slice(0, 5).map(([site, n], i) => (
                  <span key={site}>
                    {i > 0 && ", "}
                    <Text of={site} max={40} />
                    {g.sites.size > 1 && ` (${n})`}
                  </span>
                ))}
              </span>
            </span>
            <span class="muted">
              {words.fail_as}{" "}
              {g.tasks.slice(0, 3).map((t, i) => (
                <span key={t}>
                  {i > 0 && ", "}
                  <Link to={query_with({ tab: "log", task: String(t), attempt: null })} label={words.fail_log(t)}>
                    {t}
                  </Link>
                </span>
              ))}
              {g.tasks.length > 3 && " …"}
            </span>
          </li>
        ))}
      </ul>
      {data.next_cursor && <p class="muted small">{words.fail_first(count(data.items.length), count(j.tasks.failed))}</p>}
    </div>
  );
}
