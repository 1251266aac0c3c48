// SPDX-License-Identifier: Apache-2.0
// projects.tsx - projects with their shares and limits, and the members of one.

import { useState } from "preact/hooks";
import { Section, Text } from "../parts/basic";
import { count, visible } from "../format";
import { Link, query, query_with } from "../router";
import { Table } from "../world/table";
import { use_asked, use_doing } from "./ask";
import { Invitations } from "./invitations";
import { AskButton, Choice, Field, Fold, Trouble } from "./parts";
import type { List, Project, Role } from "./types";
import { project_roles, w } from "./words";

const role_list = Object.entries(project_roles) as [Role, string][];

const limit = (n: number | null | undefined) => (n === null || n === undefined ? w.project_limit : count(n));
const number_of = (text: string) => (text.trim() === "" ? null : Number(text));

// Share and limits, to make a project or to change one.
function Rules({ of: p, done }: { of: Project | null; done: () => void }) {
  const text = (n: number | null | undefined) => (n === null || n === undefined ? "" : String(n));
  const [name, set_name] = useState("");
  const [share, set_share] = useState(text(p?.share ?? 1));
  const [cpus, set_cpus] = useState(text(p?.max_cpus));
  const [tasks, set_tasks] = useState(text(p?.max_tasks));
  const [live, set_live] = useState(text(p?.max_live));
  const doing = use_doing();
  const save = async (e: SubmitEvent) => {
    e.preventDefault();
    const body = { share: Number(share), max_cpus: number_of(cpus), max_tasks: number_of(tasks), ...(p && p.max_live === undefined ? {} : { max_live: number_of(live) }) };
    const ok = p ? await doing.run("PATCH", `/v1/projects/${encodeURIComponent(p.name)}`, body, w.user_changed) : await doing.run("POST", "/v1/projects", { name: name.trim(), ...body }, w.user_changed);
    if (ok) done();
  };
  return (
    <form onSubmit={save}>
      {!p && <Field label={w.name} value={name} set={set_name} max={64} need />}
      <div class="side-by-side">
        <Field label={w.project_share} type="number" value={share} set={set_share} hint={w.project_share_hint} need />
        <Field label={w.project_cpus} type="number" value={cpus} set={set_cpus} hint={w.project_limit} />
        <Field label={w.project_tasks} type="number" value={tasks} set={set_tasks} hint={w.project_limit} />
        <Field label={w.project_live} type="number" value={live} set={set_live} hint={w.project_limit} />
      </div>
      <Trouble of={doing.problem} />
      <button class="primary" disabled={doing.busy || (!p && !name.trim())}>
        {p ? w.project_save : w.project_make}
      </button>
    </form>
  );
}

function Members({ of: p, again }: { of: Project; again: () => void }) {
  const [user, set_user] = useState("");
  const [role, set_role] = useState<Role>("submitter");
  const [live, set_live] = useState("");
  const doing = use_doing();
  const base = `/v1/projects/${encodeURIComponent(p.name)}/members`;
  const put = async (body: { user: string; role: Role; max_live: number | null }) => {
    if (await doing.run("POST", base, body, w.user_changed)) set_user("");
    again();
  };
  return (
    <Section id="members" title={w.project_members}>
      <Trouble of={doing.problem} />
      <Table
        caption={w.project_members}
        items={p.members ?? []}
        id={(m) => m.user}
        columns={[
          { name: "user", word: w.name, cell: (m) => <Text of={m.user} max={64} /> },
          {
            name: "role", word: w.role,
            cell: (m) => (
              <select aria-label={`${w.role}: ${visible(m.user, 60)}`} value={m.role} onChange={(e) => void put({ user: m.user, role: e.currentTarget.value as Role, max_live: m.max_live })}>
                {role_list.map(([r]) => (
                  <option key={r}>{r}</option>
                ))}
              </select>
            ),
          },
          { name: "live", word: w.project_live, num: true, cell: (m) => w.member_live(count(m.live), m.max_live === null ? null : count(m.max_live)) },
          {
            name: "acts", word: "", whole: true,
            cell: (m) => <AskButton label={w.member_out} danger question={{ title: w.member_out_title(visible(m.user, 60), visible(p.name, 60)), text: <p>{w.member_out_text}</p>, yes: w.member_out, danger: true, call: { method: "DELETE", path: `${base}/${encodeURIComponent(m.user)}` }, done: () => w.user_changed }} done={again} />,
          },
        ]}
      />
      <Fold title={w.member_add}>
        <form
          onSubmit={(e) => {
            e.preventDefault();
            void put({ user: user.trim(), role, max_live: number_of(live) });
          }}
        >
          <Field label={w.user_name} value={user} set={set_user} max={64} need />
          <Choice label={w.role} value={role} set={set_role} of={role_list} />
          <Field label={w.member_limit} type="number" value={live} set={set_live} hint={w.project_limit} />
          <button class="primary" disabled={doing.busy || !user.trim()}>
            {w.project_save}
          </button>
        </form>
      </Fold>
    </Section>
  );
}

function One({ name, admin }: { name: string; admin: boolean }) {
  const { data: p, problem, again } = use_asked<Project>(`/v1/projects/${encodeURIComponent(name)}`);
  return (
    <>
      <p>
        <Link to={query_with({ project: null })}>{w.tab_projects}</Link> / <b>{visible(name, 64)}</b>
      </p>
      <Trouble of={problem} />
      {p && admin && (
        <Section id="rules" title={w.project_share}>
          <Rules key={p.name} of={p} done={again} />
        </Section>
      )}
      {p && <Members of={p} again={again} />}
      {p && <Invitations project={name} />}
    </>
  );
}

export function Projects({ admin }: { admin: boolean }) {
  const name = query.value.get("project");
  const { data, problem, again } = use_asked<List<Project>>(name === null ? "/v1/projects" : null);
  if (name !== null) return <One key={name} name={name} admin={admin} />;
  return (
    <Section id="projects" title={w.tab_projects}>
      <Trouble of={problem} />
      {data && (
        <Table
          caption={w.tab_projects}
          items={data.items}
          id={(p) => p.name}
          columns={[
            { name: "name", word: w.name, cell: (p) => <Link to={query_with({ tab: "projects", project: p.name })}><Text of={p.name} max={64} /></Link> },
            { name: "share", word: w.project_share, num: true, cell: (p) => p.share },
            { name: "cpus", word: w.project_cpus, num: true, cell: (p) => limit(p.max_cpus) },
            { name: "tasks", word: w.project_tasks, num: true, wide: true, cell: (p) => limit(p.max_tasks) },
            { name: "used", word: w.col_used, cell: (p) => w.project_used(count(p.used.cpus), count(p.used.tasks)) },
          ]}
        />
      )}
      {admin && (
        <Fold title={w.project_new}>
          <Rules of={null} done={again} />
        </Fold>
      )}
    </Section>
  );
}
