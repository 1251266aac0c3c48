// SPDX-License-Identifier: Apache-2.0
// account.tsx - oneself: who one is here, the password, tokens, sessions, notices, and how the pages look.

import { useEffect, useState } from "preact/hooks";
import { get, me } from "../api";
import { Ago, Badge, Section, Text } from "../parts/basic";
import { count, visible } from "../format";
import { link } from "../live";
import { words } from "../strings";
import type { Me } from "../types";
import { Table } from "../world/table";
import { use_asked, use_doing } from "./ask";
import { NoticesTab } from "./notices";
import { CommandLine, Identities } from "./identities";
import { AskButton, Choice, Field, Fold, Once, TabBar, tab_now, Trouble, type Tab } from "./parts";
import { use_passwords } from "./password";
import { Preferences } from "./preferences";
import type { List, MeWhole, Session, Token } from "./types";
import { w } from "./words";

const DAYS = ["1", "7", "30", "90", "365", ""];
const SCOPES = ["jobs:read", "jobs:write", "data:read", "data:write", "sites:read", "sites:admin", "metrics:read", "people:read", "people:admin", "account:read", "account:write"];
const DAY_MS = 86_400_000;

const tabs: Tab[] = [
  { name: "profile", word: w.tab_profile },
  { name: "tokens", word: w.tab_tokens },
  { name: "sessions", word: w.tab_sessions },
  { name: "notices", word: w.tab_notices },
  { name: "preferences", word: w.tab_preferences },
];

function Password({ of: user, done }: { of: MeWhole; done: () => void }) {
  const [current, set_current] = useState("");
  const two = use_passwords();
  const doing = use_doing();
  const save = async (e: SubmitEvent) => {
    e.preventDefault();
    const body = { password: two.first, ...(user.has_password ? { current } : {}) };
    if (await doing.run("POST", "/v1/me/password", body, w.password_done)) {
      set_current("");
      two.clear();
      done();
    }
  };
  return (
    <Section id="password" title={w.password}>
      <form onSubmit={save}>
        <input type="text" class="unseen" autocomplete="username" tabIndex={-1} aria-hidden="true" readOnly value={user.name} />
        {user.has_password && <Field label={w.password_current} type="password" value={current} set={set_current} complete="current-password" max={1024} need />}
        {two.fields()}
        <Trouble of={doing.problem} />
        <button class="primary" disabled={doing.busy || !two.fits}>
          {user.has_password ? w.password_set : w.password_first}
        </button>
      </form>
    </Section>
  );
}

function Profile({ of: user, again }: { of: MeWhole; again: () => void }) {
  return (
    <>
      <Section id="profile" title={w.tab_profile}>
        <dl class="facts">
          <div>
            <dt>{w.name}</dt>
            <dd>
              <Text of={user.name} max={100} />
            </dd>
          </div>
          <div>
            <dt>{w.role}</dt>
            <dd>{user.role}</dd>
          </div>
          {(user.memberships ?? user.projects.map((p) => ({ project: p, role: user.role, max_live: null }))).map((m) => (
            <div key={m.project}>
              <dt>
                <Text of={m.project} max={60} />
              </dt>
              <dd>{w.member_as(m.role, m.max_live === null ? null : count(m.max_live))}</dd>
            </div>
          ))}
          {user.sites && user.sites.length > 0 && (
            <div>
              <dt>{w.governs}</dt>
              <dd>
                <Text of={user.sites.join(", ")} max={400} />
              </dd>
            </div>
          )}
        </dl>
        {user.projects.length === 0 && user.role !== "admin" && <p class="muted">{w.no_projects}</p>}
      </Section>
      {user.has_password !== undefined && <Password of={user} done={again} />}
      <Identities />
      <CommandLine />
    </>
  );
}

function NewToken({ of: user, done }: { of: MeWhole; done: () => void }) {
  const [name, set_name] = useState("");
  const [days, set_days] = useState("90");
  const [some, set_some] = useState(false);
  const [scopes, set_scopes] = useState<string[]>(["jobs:read"]);
  const [project, set_project] = useState("");
  const [made, set_made] = useState<string | null>(null);
  const doing = use_doing();
  const make = async (e: SubmitEvent) => {
    e.preventDefault();
    const body = {
      name: name.trim(),
      ...(days ? { expires_at: new Date(Date.now() + Number(days) * DAY_MS).toISOString() } : {}),
      ...(some ? { scopes } : {}),
      ...(project ? { project } : {}),
    };
    if (await doing.run<{ token: string }>("POST", "/v1/tokens", body, "", (r) => set_made(r.token))) {
      set_name("");
      done();
    }
  };
  return (
    <>
      {made && (
        <Once title={w.token_made} secret={made}>
          <p class="muted">
            {w.token_use} <code>export REEVE_TOKEN=…</code>
          </p>
        </Once>
      )}
      <Fold title={w.token_new}>
        <form onSubmit={make}>
          <Field label={w.token_name} value={name} set={set_name} max={100} need />
          <Choice label={w.token_expires} value={days} set={set_days} of={DAYS.map((d) => [d, d ? w.token_days(Number(d)) : w.token_never])} />
          {user.has_password !== undefined && (
            <>
              <Choice label={w.token_project} value={project} set={set_project} of={[["", w.token_any_project], ...user.projects.map((p): [string, string] => [p, visible(p, 60)])]} />
              <fieldset>
                <legend>{w.col_may}</legend>
                <label class="check">
                  <input type="radio" name="may" checked={!some} onChange={() => set_some(false)} />
                  {w.token_all}
                </label>
                <label class="check">
                  <input type="radio" name="may" checked={some} onChange={() => set_some(true)} />
                  {w.token_some}
                </label>
                {some && (
                  <div class="scopes">
                    {SCOPES.map((s) => (
                      <label key={s} class="check">
                        <input type="checkbox" checked={scopes.includes(s)} onChange={(e) => set_scopes(e.currentTarget.checked ? [...scopes, s] : scopes.filter((x) => x !== s))} />
                        {s}
                      </label>
                    ))}
                  </div>
                )}
              </fieldset>
            </>
          )}
          <Trouble of={doing.problem} />
          <button class="primary" disabled={doing.busy || !name.trim() || (some && scopes.length === 0)}>
            {w.token_new}
          </button>
        </form>
      </Fold>
    </>
  );
}

function token_state(t: Token) {
  if (t.revoked_at) return <Badge icon="ban" tone="done">{w.token_revoked}</Badge>;
  if (t.expires_at && Date.parse(t.expires_at) < Date.now()) return <Badge icon="clock" tone="calm">{w.token_over}</Badge>;
  return null;
}

function Tokens({ of: user }: { of: MeWhole }) {
  const { data, problem, again } = use_asked<List<Token>>("/v1/tokens");
  return (
    <Section id="tokens" title={w.tab_tokens}>
      <p class="muted">{w.tokens_lead}</p>
      <Trouble of={problem} />
      {data && data.items.length === 0 && <p>{w.tokens_none}</p>}
      {data && data.items.length > 0 && (
        <Table
          caption={w.tab_tokens}
          items={data.items}
          id={(t) => t.id}
          columns={[
            { name: "name", word: w.name, cell: (t) => <><Text of={t.name} max={100} /> <code class="muted">{visible(t.prefix, 20)}…</code></> },
            { name: "may", word: w.col_may, cell: (t) => `${t.scopes ? visible(t.scopes.join(", "), 300) : w.token_scopes_all}${t.project ? ` · ${visible(t.project, 60)}` : ""}` },
            { name: "used", word: w.col_used, num: true, cell: (t) => <Ago at={t.last_used_at} /> },
            { name: "ends", word: w.col_ends, num: true, cell: (t) => (t.expires_at ? new Date(t.expires_at).toLocaleDateString() : w.token_never) },
            {
              name: "acts", word: "", whole: true,
              cell: (t) =>
                token_state(t) ?? (
                  <AskButton
                    label={w.token_revoke}
                    danger
                    question={{ title: w.token_revoke_title(visible(t.name, 60)), text: <p>{w.token_revoke_text}</p>, yes: w.token_revoke, danger: true, call: { method: "DELETE", path: `/v1/tokens/${t.id}` }, done: () => w.token_revoked }}
                    done={again}
                  />
                ),
            },
          ]}
        />
      )}
      <NewToken of={user} done={again} />
    </Section>
  );
}

function Sessions() {
  const { data, problem, again } = use_asked<List<Session>>("/v1/sessions");
  const doing = use_doing();
  const end = async (path: string, done: string) => (await doing.run("DELETE", path, undefined, done)) && again();
  return (
    <Section
      id="sessions"
      title={w.tab_sessions}
      aside={
        data && data.items.length > 1 && (
          <button type="button" onClick={() => void end("/v1/sessions", w.sessions_ended)}>
            {w.session_end_others}
          </button>
        )
      }
    >
      <p class="muted">{w.sessions_lead}</p>
      <Trouble of={problem ?? doing.problem} />
      {data && (
        <Table
          caption={w.tab_sessions}
          items={data.items}
          id={(s) => s.id}
          columns={[
            { name: "where", word: w.col_where, cell: (s) => <><Text of={s.address ?? "–"} max={60} /> <span class="muted small agent"><Text of={s.agent ?? ""} max={120} /></span></> },
            { name: "made", word: w.col_made, num: true, wide: true, cell: (s) => <Ago at={s.created_at} /> },
            { name: "seen", word: w.col_seen, num: true, cell: (s) => <Ago at={s.seen_at} /> },
            { name: "until", word: w.col_until, num: true, wide: true, cell: (s) => new Date(s.expires_at).toLocaleTimeString() },
            {
              name: "acts", word: "", whole: true,
              cell: (s) =>
                s.current ? (
                  <Badge icon="check" tone="good">{w.session_this}</Badge>
                ) : (
                  <button type="button" disabled={doing.busy} onClick={() => void end(`/v1/sessions/${s.id}`, w.session_ended)}>
                    {w.session_end}
                  </button>
                ),
            },
          ]}
        />
      )}
    </Section>
  );
}

export function Account() {
  const [user, set_user] = useState<MeWhole>(me.value as unknown as MeWhole);
  const again = () => void get<MeWhole>("/v1/me").then((m) => (set_user(m), (me.value = m as Me)), () => {});
  useEffect(() => {
    link.value = { state: "idle" };
    document.title = `${w.account} – ${words.product}`;
    again();
  }, []);
  const tab = tab_now(tabs);
  return (
    <div class="people">
      <h1>{w.account}</h1>
      <TabBar tabs={tabs} />
      {tab === "profile" && <Profile of={user} again={again} />}
      {tab === "tokens" && <Tokens of={user} />}
      {tab === "sessions" && <Sessions />}
      {tab === "notices" && <NoticesTab of={user} />}
      {tab === "preferences" && <Preferences />}
    </div>
  );
}
