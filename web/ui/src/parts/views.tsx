// SPDX-License-Identifier: Apache-2.0
// views.tsx - views of a list that were saved under a name: one's own, and those that others share.

import { useEffect, useState } from "preact/hooks";
import { get, me, Problem, send } from "../api";
import { Failure } from "./basic";
import { Icon } from "./icon";
import { visible } from "../format";
import { Link, query } from "../router";
import { sheet_use } from "../sheet";
import { words } from "../strings";
import text from "./facets.sheet.css";

sheet_use(text);

interface View {
  name: string;
  page: string;
  query: string;
  project: string | null;
  by: string;
}

const PLACE = new Set(["cursor", "steps"]); // where in the list: no part of a view

function query_kept(): string {
  const q = new URLSearchParams(query.value);
  for (const name of PLACE) q.delete(name);
  return q.toString();
}

export function Views({ page }: { page: string }) {
  const [views, set_views] = useState<View[] | null>(null);
  const [problem, set_problem] = useState<Problem | null>(null);
  const [name, set_name] = useState("");
  const [project, set_project] = useState("");
  const own = me.value?.name ?? "";
  const projects = (me.value?.projects ?? []).map((p) => (typeof p === "string" ? p : p.name));
  useEffect(() => {
    void get<{ items: View[] }>("/v1/me/views").then((r) => set_views(r.items), (reason: unknown) => set_problem(Problem.from(reason)));
  }, []);
  const put = async (mine: View[]) => {
    try {
      const items = mine.map((v) => ({ name: v.name, page: v.page, query: v.query, project: v.project }));
      const reply = await send("/v1/me/views", { method: "PUT", body: { items } });
      set_views(((await reply.json()) as { items: View[] }).items);
      set_problem(null);
      set_name("");
    } catch (reason) {
      set_problem(Problem.from(reason));
    }
  };
  const mine = (views ?? []).filter((v) => v.by === own);
  const shown = (views ?? []).filter((v) => v.page === page);
  return (
    <div class="menu-body">
      {problem && <Failure problem={problem} />}
      {views === null && !problem && <p class="muted">{words.loading}</p>}
      {views !== null && shown.length === 0 && <p class="muted">{words.views_none}</p>}
      <ul>
        {shown.map((v) => (
          <li key={`${v.by} ${v.name}`}>
            <Link to={`/${v.page}${v.query ? `?${v.query}` : ""}`}>{visible(v.name, 100)}</Link>
            {v.by !== own && <span class="muted small">{words.views_by(visible(v.by, 40))}</span>}
            {v.by === own && v.project && <span class="muted small">{visible(v.project, 40)}</span>}
            {v.by === own && (
              <button type="button" class="quiet" aria-label={words.views_drop(visible(v.name, 60))} onClick={() => void put(mine.filter((m) => m.name !== v.name))}>
                <Icon name="cross" />
              </button>
            )}
          </li>
        ))}
      </ul>
      <form
        onSubmit={(e) => {
          e.preventDefault();
          const said = name.trim();
          if (said) void put([...mine.filter((m) => m.name !== said), { name: said, page, query: query_kept(), project: project || null, by: own }]);
        }}
      >
        <label class="field">
          <span>{words.views_save}</span>
          <input type="text" maxLength={100} required value={name} onInput={(e) => set_name(e.currentTarget.value)} />
        </label>
        <label class="field">
          <span>{words.views_share}</span>
          <select value={project} onChange={(e) => set_project(e.currentTarget.value)}>
            <option value="">{words.views_nobody}</option>
            {projects.map((p) => (
              <option key={p} value={p}>
                {visible(p, 60)}
              </option>
            ))}
          </select>
        </label>
        <button type="submit" disabled={views === null}>
          {words.views_keep}
        </button>
      </form>
    </div>
  );
}
