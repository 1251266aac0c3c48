// SPDX-License-Identifier: Apache-2.0
// notices.tsx - what somebody wants to hear of, and how: on the page, by a webhook, by mail.

import { useState } from "preact/hooks";
import { Ago, Badge, Section, Text } from "../parts/basic";
import { Table } from "../world/table";
import { use_asked, use_doing } from "./ask";
import { AskButton, Choice, Field, Fold, Once, Trouble } from "./parts";
import type { List, MeWhole, Subscription } from "./types";
import { w } from "./words";

const KINDS = ["job.succeeded", "job.failed", "job.cancelled", "job.held", "job.released", "task.failed", "site.up", "site.suspect", "site.down", "site.alarm", "worker.lost", "transfer.failed", "data.suspect"];
type Way = Subscription["way"];
const ways: [Way, string][] = [["page", w.notices_page], ["webhook", w.notices_webhook], ["mail", w.notices_mail]];

function New({ of: user, done }: { of: MeWhole; done: () => void }) {
  const [name, set_name] = useState("");
  const [way, set_way] = useState<Way>("page");
  const [target, set_target] = useState("");
  const [kinds, set_kinds] = useState(["job.failed"]);
  const [mine, set_mine] = useState(true);
  const [project, set_project] = useState("");
  const [secret, set_secret] = useState<string | null>(null);
  const doing = use_doing();
  const make = async (e: SubmitEvent) => {
    e.preventDefault();
    const body = { name: name.trim(), way, kinds, mine, ...(way === "page" ? {} : { target: target.trim() }), ...(project ? { project } : {}) };
    if (await doing.run<{ secret?: string }>("POST", "/v1/subscriptions", body, "", (r) => set_secret(r.secret ?? null))) {
      set_name("");
      set_target("");
      done();
    }
  };
  return (
    <>
      {secret && <Once title={w.notices_secret} secret={secret} />}
      <Fold title={w.notices_add}>
        <form onSubmit={make}>
          <Field label={w.name} value={name} set={set_name} max={100} need />
          <Choice label={w.notices_way} value={way} set={set_way} of={ways} />
          {way !== "page" && <Field label={w.notices_target} type={way === "mail" ? "email" : "url"} value={target} set={set_target} max={1000} need />}
          <fieldset>
            <legend>{w.notices_kinds}</legend>
            <div class="scopes">
              {KINDS.map((k) => (
                <label key={k} class="check">
                  <input type="checkbox" checked={kinds.includes(k)} onChange={(e) => set_kinds(e.currentTarget.checked ? [...kinds, k] : kinds.filter((x) => x !== k))} />
                  {k}
                </label>
              ))}
            </div>
          </fieldset>
          <label class="check">
            <input type="checkbox" checked={mine} onChange={(e) => set_mine(e.currentTarget.checked)} />
            {w.notices_mine}
          </label>
          <Choice label={w.token_project} value={project} set={set_project} of={[["", w.token_any_project], ...user.projects.map((p): [string, string] => [p, p])]} />
          <Trouble of={doing.problem} />
          <button class="primary" disabled={doing.busy || kinds.length === 0 || !name.trim()}>
            {w.notices_add}
          </button>
        </form>
      </Fold>
    </>
  );
}

function Confirm({ id, done }: { id: number; done: () => void }) {
  const [code, set_code] = useState("");
  const doing = use_doing();
  return (
    <form
      class="inline"
      onSubmit={(e) => {
        e.preventDefault();
        void doing.run("POST", `/v1/subscriptions/${id}/confirm`, { code: code.trim() }, w.notices_confirm).then((ok) => ok && done());
      }}
    >
      <Field label={w.notices_code} value={code} set={set_code} need />
      <Trouble of={doing.problem} />
      <button disabled={doing.busy}>{w.notices_confirm}</button>
    </form>
  );
}

export function NoticesTab({ of: user }: { of: MeWhole }) {
  const { data, problem, again } = use_asked<List<Subscription>>("/v1/subscriptions");
  const doing = use_doing();
  const act = async (method: string, path: string, body: unknown, done: string) => (await doing.run(method, path, body, done)) && again();
  return (
    <Section id="subscriptions" title={w.tab_notices}>
      <p class="muted">{w.notices_lead}</p>
      <Trouble of={problem ?? doing.problem} />
      {data && data.items.length === 0 && <p>{w.notices_none}</p>}
      {data && data.items.length > 0 && (
        <Table
          caption={w.tab_notices}
          items={data.items}
          id={(s) => s.id}
          columns={[
            { name: "name", word: w.name, cell: (s) => <Text of={s.name} max={100} /> },
            { name: "way", word: w.notices_way, cell: (s) => <>{ways.find(([v]) => v === s.way)?.[1] ?? s.way} {s.target && <Text of={s.target} max={100} />}</> },
            { name: "kinds", word: w.notices_kinds, cell: (s) => s.kinds.join(", ") },
            { name: "sent", word: w.col_used, num: true, wide: true, cell: (s) => <Ago at={s.last_sent_at} /> },
            {
              name: "state", word: w.col_state,
              cell: (s) => (s.paused_at ? <Badge icon="pause" tone="warn">{w.notices_paused}</Badge> : s.confirmed ? <Badge icon="check" tone="good">ok</Badge> : <Badge icon="clock" tone="calm">{w.notices_waits}</Badge>),
            },
            {
              name: "acts", word: "", whole: true,
              cell: (s) => (
                <span class="row-acts">
                  {!s.confirmed && <Confirm id={s.id} done={again} />}
                  <button type="button" onClick={() => void act("POST", `/v1/subscriptions/${s.id}/test`, {}, w.notices_tested)}>{w.notices_test}</button>
                  <button type="button" onClick={() => void act("PATCH", `/v1/subscriptions/${s.id}`, { paused: !s.paused_at }, w.user_changed)}>{s.paused_at ? w.notices_go_on : w.notices_pause}</button>
                  <AskButton label={w.notices_drop} question={{ title: w.notices_drop, text: <p><Text of={s.name} max={100} /></p>, yes: w.notices_drop, danger: true, call: { method: "DELETE", path: `/v1/subscriptions/${s.id}` } }} done={again} />
                </span>
              ),
            },
          ]}
        />
      )}
      <New of={user} done={again} />
    </Section>
  );
}
