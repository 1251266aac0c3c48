// SPDX-License-Identifier: Apache-2.0
// admin.tsx - users, projects and their members, invitations, the audit chain, the system; for those who keep them.

import { useEffect, useState } from "preact/hooks";
import { get, me, path_of, Problem } from "../api";
import { Ago, Badge, Section, Text } from "../parts/basic";
import { use_dependent } from "../dependent";
import { count, seconds, visible } from "../format";
import { link } from "../live";
import { Link, query, query_set, query_with } from "../router";
import { words } from "../strings";
import type { Overview } from "../types";
import { Table } from "../world/table";
import { use_asked, use_doing } from "./ask";
import { Invitations } from "./invitations";
import { AskButton, Choice, Field, Fold, Once, role_choices, TabBar, tab_now, Trouble, type Tab } from "./parts";
import { Config } from "./config";
import { Projects } from "./projects";
import { Checks } from "./setup";
import { Trying } from "./trial";
import type { AuditRow, List, MeWhole, Role, User } from "./types";
import { w } from "./words";

// ---- users

function NewUser({ done }: { done: () => void }) {
  const [name, set_name] = useState("");
  const [role, set_role] = useState<Role>("submitter");
  const [projects, set_projects] = useState("");
  const doing = use_doing();
  const add = async (e: SubmitEvent) => {
    e.preventDefault();
    const list = projects.split(",").map((p) => p.trim()).filter(Boolean);
    if (await doing.run("POST", "/v1/users", { name: name.trim(), role, projects: list }, w.user_added)) {
      set_name("");
      done();
    }
  };
  return (
    <Fold title={w.user_new}>
      <form onSubmit={add}>
        <Field label={w.user_name} value={name} set={set_name} max={64} need />
        <Choice label={w.role} value={role} set={set_role} of={role_choices} />
        <Field label={w.user_projects} value={projects} set={set_projects} max={2000} />
        <Trouble of={doing.problem} />
        <button class="primary" disabled={doing.busy || !name.trim()}>
          {w.user_add}
        </button>
      </form>
    </Fold>
  );
}

function Users() {
  const cursor = query.value.get("cursor");
  const { data, problem, again } = use_asked<List<User>>(path_of("/v1/users", { limit: 100, cursor }));
  const [secret, set_secret] = useState<{ name: string; url: string } | null>(null);
  const doing = use_doing();
  const base = (u: User) => `/v1/users/${encodeURIComponent(u.name)}`;
  const change = async (u: User, body: unknown) => {
    await doing.run("PATCH", base(u), body, w.user_changed);
    again();
  };
  const reset = (u: User) => doing.run<{ url: string }>("POST", `${base(u)}/password-link`, {}, "", (r) => set_secret({ name: u.name, url: new URL(r.url, location.origin).href }));
  return (
    <Section id="users" title={w.tab_users}>
      <Trouble of={problem ?? doing.problem} />
      {secret && <Once title={w.user_link_is(visible(secret.name, 60))} secret={secret.url} />}
      {data && (
        <Table
          caption={w.tab_users}
          items={data.items}
          id={(u) => u.name}
          columns={[
            {
              name: "name", word: w.name,
              cell: (u) => (
                <>
                  <Text of={u.name} max={64} /> {u.disabled_at && <Badge icon="ban" tone="warn">{w.user_disabled}</Badge>}
                  {!u.disabled_at && u.has_password === false && <span class="muted small"> {w.user_no_password}</span>}
                </>
              ),
            },
            {
              name: "role", word: w.role,
              cell: (u) => (
                <select aria-label={`${w.role}: ${visible(u.name, 60)}`} value={u.role} onChange={(e) => void change(u, { role: e.currentTarget.value })}>
                  {role_choices.map(([r]) => (
                    <option key={r}>{r}</option>
                  ))}
                </select>
              ),
            },
            { name: "projects", word: w.projects, cell: (u) => <Text of={u.projects.join(", ")} max={200} /> },
            { name: "seen", word: w.col_seen, num: true, wide: true, cell: (u) => <Ago at={u.seen_at} /> },
            {
              name: "acts", word: "", whole: true,
              cell: (u) => (
                <span class="row-acts">
                  <button type="button" onClick={() => void reset(u)}>{w.user_link}</button>
                  <button type="button" onClick={() => void doing.run("DELETE", `${base(u)}/sessions`, undefined, w.user_ended)}>{w.user_end}</button>
                  {u.disabled_at ? (
                    <button type="button" onClick={() => void change(u, { disabled: false })}>{w.user_enable}</button>
                  ) : (
                    <AskButton label={w.user_disable} danger question={{ title: w.user_disable_title(visible(u.name, 60)), text: <p>{w.user_disable_text}</p>, yes: w.user_disable, danger: true, call: { method: "PATCH", path: base(u), body: { disabled: true } }, done: () => w.user_changed }} done={again} />
                  )}
                </span>
              ),
            },
          ]}
        />
      )}
      {data?.next_cursor && (
        <div class="pager">
          <Link to={query_with({ cursor: data.next_cursor })}>{words.tasks_next}</Link>
        </div>
      )}
      <NewUser done={again} />
    </Section>
  );
}

// ---- audit

interface Chain {
  from: number;
  to: number;
  broken: number | null;
  next: number | null;
}

function CheckChain() {
  const [said, set_said] = useState("");
  const [problem, set_problem] = useState<Problem | null>(null);
  const [busy, set_busy] = useState(false);
  const check = async () => {
    set_busy(true);
    set_problem(null);
    try {
      let from: number | null = 1;
      let n = 0;
      while (from !== null) {
        const c: Chain = await get<Chain>(path_of("/v1/audit/check", { from }));
        n += c.to - c.from + 1;
        if (c.broken !== null) {
          set_said(w.audit_broken(count(c.broken)));
          from = null;
        } else {
          set_said(c.next === null ? w.audit_holds(count(n)) : w.audit_checking(count(n)));
          from = c.next;
        }
      }
    } catch (reason) {
      set_problem(Problem.from(reason));
    }
    set_busy(false);
  };
  return (
    <>
      <button type="button" disabled={busy} onClick={() => void check()}>
        {w.audit_check}
      </button>{" "}
      <span aria-live="polite">{said}</span>
      <Trouble of={problem} />
    </>
  );
}

function Audit({ admin }: { admin: boolean }) {
  const q = query.value;
  const asked = { actor: q.get("actor"), action: q.get("action"), since: q.get("since"), cursor: q.get("cursor"), limit: 50 };
  const { data, problem } = use_dependent<List<AuditRow>>(path_of("/v1/audit", asked), null);
  const [actor, set_actor] = useState(q.get("actor") ?? "");
  const [action, set_action] = useState(q.get("action") ?? "");
  return (
    <Section id="audit" title={w.tab_audit}>
      <p class="muted">{w.audit_lead}</p>
      {admin && <CheckChain />}
      <form
        class="side-by-side"
        onSubmit={(e) => {
          e.preventDefault();
          query_set({ actor, action, cursor: null });
        }}
      >
        <Field label={w.audit_actor} value={actor} set={set_actor} />
        <Field label={w.audit_action} value={action} set={set_action} />
        <button>{words.go}</button>
      </form>
      <Trouble of={problem} />
      {data && data.items.length === 0 && <p>{w.audit_none}</p>}
      {data && data.items.length > 0 && (
        <Table
          caption={w.tab_audit}
          items={data.items}
          id={(r) => r.seq}
          columns={[
            { name: "at", word: w.col_at, cell: (r) => <Ago at={r.at} /> },
            { name: "actor", word: w.audit_actor, cell: (r) => <Text of={r.actor} max={64} /> },
            { name: "action", word: w.audit_action, cell: (r) => <code><Text of={r.action} max={100} /></code> },
            { name: "object", word: w.audit_object, wide: true, cell: (r) => <Text of={r.object} max={160} /> },
            { name: "detail", word: w.audit_detail, cell: (r) => <Text of={r.detail ?? ""} max={300} /> },
          ]}
        />
      )}
      {data?.next_cursor && (
        <div class="pager">
          <Link to={query_with({ cursor: data.next_cursor })}>{w.audit_more}</Link>
        </div>
      )}
    </Section>
  );
}

// ---- system

function System() {
  const { data: o } = use_asked<Overview>("/v1/overview");
  const { data: v } = use_asked<{ version: string }>("/v1/version");
  const rows: [string, string][] = [
    [w.system_version, v?.version ?? "–"],
    [w.system_leader, o?.engine.leader ?? "–"],
    [w.system_epoch, o?.engine.epoch === undefined || o.engine.epoch === null ? "–" : count(o.engine.epoch)],
    [w.system_pass, o?.engine.pass_ms === undefined || o.engine.pass_ms === null ? "–" : seconds(o.engine.pass_ms / 1000)],
  ];
  return (
    <>
      <Section id="engine" title={w.system_engine}>
        <dl class="facts">
          {rows.map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>
                <Text of={value} max={200} />
              </dd>
            </div>
          ))}
        </dl>
      </Section>
      <Section id="checks" title={w.system_checks}>
        <Checks />
      </Section>
      <Trying />
    </>
  );
}

export function Admin() {
  const user = me.value as unknown as MeWhole;
  const admin = user.role === "admin";
  useEffect(() => {
    link.value = { state: "idle" };
    document.title = `${w.admin} – ${words.product}`;
  }, []);
  const tabs: Tab[] = [
    ...(admin ? [{ name: "users", word: w.tab_users }] : []),
    { name: "projects", word: w.tab_projects },
    ...(admin ? [{ name: "invitations", word: w.tab_invitations }] : []),
    { name: "audit", word: w.tab_audit },
    ...(admin ? [{ name: "system", word: w.tab_system }] : []),
  ];
  const tab = tab_now(tabs);
  return (
    <div class="people">
      <h1>{w.admin}</h1>
      <TabBar tabs={tabs} />
      {tab === "users" && <Users />}
      {tab === "projects" && <Projects admin={admin} />}
      {tab === "invitations" && <Invitations project={null} />}
      {tab === "audit" && <Audit admin={admin} />}
      {tab === "system" && <System />}
      {tab === "system" && admin && <Config />}
    </div>
  );
}
