// SPDX-License-Identifier: Apache-2.0
// one.tsx - one site: how it is, what it may be used for, its machines, accounts, workers, and the test of it all.

import { useEffect, useState } from "preact/hooks";
import { me } from "../api";
import { Meter } from "../parts/bars";
import { Ago, Command, Empty, Failure, Notice, Section, State, Text, Toast } from "../parts/basic";
import { Ask, type Question } from "../parts/dialog";
import { Events } from "../parts/events";
import { Icon } from "../parts/icon";
import { use_dependent } from "../dependent";
import { Feed } from "../feed";
import { bytes, count, seconds, shell_word, visible } from "../format";
import { Watch } from "../live";
import { go, Link } from "../router";
import { words } from "../strings";
import type { Account, Event, Host, Page, Site, Worker } from "../types";
import { AskWhy } from "./ask_why";
import { CallSaid, Steps, use_call } from "./call";
import { amount_of, Field, Fields, host_of, list_of, projects_of } from "./fields";
import { HostKeys, install_line } from "./keys";
import { Admins, Data, Jobs, Links } from "./more";
import { may_govern } from "../world/may";
import { w } from "./words";

type Verb = "open" | "drain" | "close";
const fits: Record<Verb, (s: Site) => boolean> = {
  open: (s) => s.intent !== "open",
  drain: (s) => s.intent === "open",
  close: (s) => s.intent !== "closed",
};
const api_path = (s: Site) => `/v1/sites/${encodeURIComponent(s.name)}`;

function Intents({ of: s, admin, done }: { of: Site; admin: boolean; done: () => void }) {
  const [asked, set_asked] = useState<Verb | "remove" | null>(null);
  const running = s.used?.tasks ?? 0;
  const removal: Question = {
    title: w.remove_title,
    text: <p>{w.remove_text}</p>,
    yes: w.remove_yes,
    danger: true,
    call: { method: "DELETE", path: api_path(s) },
    command: `reeve site remove ${shell_word(s.name)}`,
    done: () => w.removed,
  };
  return (
    <div class="actions">
      {(Object.keys(fits) as Verb[])
        .filter((v) => fits[v](s))
        .map((v) => (
          <button key={v} type="button" class={v === "close" ? "danger" : v === "open" ? "primary" : ""} onClick={() => set_asked(v)}>
            {w[v]}
          </button>
        ))}
      {s.intent === "closed" && admin && (
        <button type="button" class="danger" onClick={() => set_asked("remove")}>
          {w.remove}
        </button>
      )}
      {asked === "remove" ? (
        <Ask of={removal} close={(acted) => (acted ? go("/sites") : set_asked(null))} />
      ) : (
        asked && (
          <AskWhy
            change={w.act[asked]}
            path={`${api_path(s)}/${asked}`}
            command={(why) => `reeve site ${asked} ${shell_word(s.name)}${why ? ` --why ${shell_word(why)}` : ""}`}
            danger={asked === "close"}
            {...(running && asked !== "open" ? { now: w.now_running(count(running)) } : {})}
            close={(acted) => {
              set_asked(null);
              if (acted) done();
            }}
          />
        )
      )}
    </div>
  );
}

function Head({ of: s, governs, done }: { of: Site; governs: boolean; done: () => void }) {
  return (
    <header class="job-head site-head">
      <Link to="/sites" class="back">
        <Icon name="back" />
        {words.sites}
      </Link>
      <div class="title">
        <h1>
          <Text of={s.name} max={64} />
        </h1>
        <State machine="health" of={s.health} />
        {s.intent !== "open" && <State machine="intent" of={s.intent} />}
        {governs && <Intents of={s} admin={me.value?.role === "admin"} done={done} />}
      </div>
      {s.alarm && (
        <Notice tone="bad" icon="warn" title={<Text of={s.alarm} max={500} />}>
          <p>{w.alarm_fix}</p>
        </Notice>
      )}
      {s.health_text && s.health !== "up" && !s.alarm && (
        <Notice tone={s.health === "down" ? "bad" : "warn"} icon="warn" title={<Text of={s.health_text} max={500} />}>
          <p class="muted">
            {w.since} <Ago at={s.health_since} />
          </p>
        </Notice>
      )}
      {s.intent_why && (
        <p class="muted">
          <State machine="intent" of={s.intent} /> <Text of={s.intent_why} max={500} /> · {s.intent_by && `${w.by(visible(s.intent_by, 60))} · `}
          <Ago at={s.intent_at} />
        </p>
      )}
    </header>
  );
}

function Use({ of: s }: { of: Site }) {
  const all = s.capacity ?? {};
  const used = s.used ?? {};
  return (
    <Section id="use" title={w.use} aside={<span class="muted">{words.running_tasks(count(used.tasks ?? 0))}</span>}>
      {!all.cpus && <p class="muted">{words.capacity_unknown}</p>}
      {all.cpus ? <Meter label={words.cpus} used={used.cpus ?? 0} all={all.cpus} text={words.bar_of(count(used.cpus ?? 0), count(all.cpus))} /> : null}
      {all.memory ? <Meter label={words.memory} used={used.memory ?? 0} all={all.memory} text={words.bar_of(bytes(used.memory ?? 0), bytes(all.memory))} /> : null}
      {all.gpus ? <Meter label={words.gpus} used={used.gpus ?? 0} all={all.gpus} text={words.bar_of(count(used.gpus ?? 0), count(all.gpus))} /> : null}
      {(s.workers ?? [])
        .filter((k) => k.disk_total)
        .slice(0, 8)
        .map((k) => (
          <Meter key={k.id} label={words.disk} used={(k.disk_total ?? 0) - (k.disk_free ?? 0)} all={k.disk_total ?? 0} text={words.disk_free(bytes(k.disk_free))} />
        ))}
    </Section>
  );
}

const SKEW_MS = 1000; // more than this is worth a word

function WorkerRow({ of: k, admin, ask }: { of: Worker; admin: boolean; ask: (k: Worker) => void }) {
  return (
    <tr role="row">
      <th scope="row" role="rowheader">
        <Link to={`/workers/${k.id}`}>
          <Text of={k.hostname ?? k.host} max={80} />
        </Link>
        <span class="sub">
          <Text of={`${k.user ?? ""}@${k.host}`} max={120} />
        </span>
      </th>
      <td role="cell" class="state-cell">
        <State machine="link" of={k.link} />
        {k.intent === "draining" && <State machine="intent" of="draining" />}
        {(k.link_text || k.intent_why) && (
          <span class="sub">
            <Text of={k.intent === "draining" && k.intent_why ? k.intent_why : k.link_text} max={200} />
          </span>
        )}
        {Math.abs(k.clock_skew_ms ?? 0) > SKEW_MS && <span class="sub">{w.skew(seconds(Math.abs(k.clock_skew_ms!) / 1000))}</span>}
      </td>
      <td role="cell" class="num">{words.bar_of(count(k.used?.cpus ?? 0), count(k.cpus))}</td>
      <td role="cell" class="num wide-cell">{bytes(k.memory)}</td>
      <td role="cell" class="num wide-cell">{k.load === null || k.load === undefined ? "–" : k.load.toFixed(2)}</td>
      <td role="cell" class="num">{count(k.running ?? 0)}</td>
      <td role="cell" class="num wide-cell">
        <Ago at={k.seen_at} />
      </td>
      {admin && (
        <td role="cell" class="num">
          <button type="button" onClick={() => ask(k)}>
            {k.intent === "draining" ? w.resume : w.drain}
          </button>
        </td>
      )}
    </tr>
  );
}

function Workers({ of: s, admin, done }: { of: Site; admin: boolean; done: () => void }) {
  const [asked, set_asked] = useState<Worker | null>(null);
  const workers = s.workers ?? [];
  const resume = asked?.intent === "draining";
  return (
    <Section id="workers" title={w.workers}>
      {workers.length === 0 ? (
        <p class="muted">{w.workers_none}</p>
      ) : (
        <div class="scroll">
          <table class="rows">
            <caption class="unseen">{w.workers}</caption>
            <thead>
              <tr>
                <th scope="col">{w.col_host}</th>
                <th scope="col">{w.col_link}</th>
                <th scope="col" class="num">{w.col_cpus}</th>
                <th scope="col" class="num wide-cell">{w.col_memory}</th>
                <th scope="col" class="num wide-cell">{w.col_load}</th>
                <th scope="col" class="num">{w.col_running}</th>
                <th scope="col" class="num wide-cell">{w.col_seen}</th>
                {admin && <td />}
              </tr>
            </thead>
            <tbody>
              {workers.map((k) => (
                <WorkerRow key={k.id} of={k} admin={admin} ask={set_asked} />
              ))}
            </tbody>
          </table>
        </div>
      )}
      {asked && (
        <AskWhy
          change={resume ? w.worker_resume : w.worker_drain}
          path={`/v1/workers/${asked.id}/${resume ? "resume" : "drain"}`}
          command={(why) => `reeve worker ${resume ? "resume" : "drain"} ${asked.id}${why ? ` --why ${shell_word(why)}` : ""}`}
          {...(asked.running && !resume ? { now: w.now_running(count(asked.running)) } : {})}
          close={(acted) => {
            set_asked(null);
            if (acted) done();
          }}
        />
      )}
    </Section>
  );
}

function AddHost({ of: s, close }: { of: Site; close: (acted: boolean) => void }) {
  const [host, set_host] = useState("");
  const [jumps, set_jumps] = useState("");
  const body = { ...host_of(host.trim()), ...(jumps.trim() ? { jumps: list_of(jumps) } : {}) };
  return (
    <Ask of={{ title: w.add_host, text: null, yes: w.add_host, call: { method: "POST", path: `${api_path(s)}/hosts`, body }, barred: !host.trim() }} close={close}>
      <Field label={w.field_host} hint={w.field_host_hint} value={host} set={set_host} data-first />
      <Field label={w.field_jumps} hint={w.field_jumps_hint} value={jumps} set={set_jumps} />
    </Ask>
  );
}

function AddAccount({ of: s, close }: { of: Site; close: (acted: boolean) => void }) {
  const [user, set_user] = useState("");
  const [project, set_project] = useState("");
  const body = { user: user.trim(), ...(project.trim() ? { project: project.trim() } : {}) };
  return (
    <Ask of={{ title: w.add_account, text: null, yes: w.add_account, call: { method: "POST", path: `${api_path(s)}/accounts`, body }, barred: !user.trim() }} close={close}>
      <Field label={w.field_user} hint={w.field_user_hint} value={user} set={set_user} data-first />
      <Field label={w.field_project} hint={w.account_any} value={project} set={set_project} />
    </Ask>
  );
}

function Hosts({ of: s, admin, done }: { of: Site; admin: boolean; done: () => void }) {
  const [asked, set_asked] = useState<"add" | Host | null>(null);
  const probe = use_call(`${api_path(s)}/probe`, done);
  const close = (acted: boolean) => {
    set_asked(null);
    if (acted) done();
  };
  return (
    <Section
      id="hosts"
      title={w.hosts}
      aside={
        admin && (
          <div class="actions">
            <button type="button" disabled={probe.busy} onClick={probe.ask}>
              {probe.busy ? w.probing : w.probe}
            </button>
            <button type="button" onClick={() => set_asked("add")}>
              {w.add_host}
            </button>
          </div>
        )
      }
    >
      <CallSaid of={probe} />
      <HostKeys of={s} may={admin} changed={done} remove={set_asked} />
      {asked === "add" ? (
        <AddHost of={s} close={close} />
      ) : (
        asked && (
          <Ask
            of={{
              title: w.remove_host_title,
              text: <p>{w.remove_host_text}</p>,
              yes: w.remove_host,
              danger: true,
              call: { method: "DELETE", path: `${api_path(s)}/hosts/${encodeURIComponent(asked.address)}?port=${asked.port}` },
            }}
            close={close}
          />
        )
      )}
    </Section>
  );
}

function Accounts({ of: s, done }: { of: Site; done: () => void }) {
  const [asked, set_asked] = useState<"add" | Account | null>(null);
  const close = (acted: boolean) => {
    set_asked(null);
    if (acted) done();
  };
  const remove_path = (a: Account) => `${api_path(s)}/accounts/${encodeURIComponent(a.user)}${a.project ? `?project=${encodeURIComponent(a.project)}` : ""}`;
  return (
    <Section
      id="accounts"
      title={w.accounts}
      aside={
        <button type="button" onClick={() => set_asked("add")}>
          {w.add_account}
        </button>
      }
    >
      <ul class="hosts">
        {(s.accounts ?? []).map((a) => (
          <li key={`${a.user} ${a.project ?? ""}`}>
            <div class="host-line">
              <b>
                <Text of={a.user} max={64} />
              </b>
              <span class="muted">
                {a.project ? <Text of={a.project} max={64} /> : w.account_any} · {visible(a.backend ?? "", 20)} · <Text of={a.root} max={200} />
              </span>
              <span class="grow" />
              {(s.accounts?.length ?? 0) > 1 && (
                <button type="button" class="quiet" onClick={() => set_asked(a)}>
                  {w.remove_account}
                </button>
              )}
            </div>
            {a.public_key ? (
              <details>
                <summary class="muted">{w.account_line}</summary>
                <Command line={a.public_key} />
                <Command line={install_line(a.public_key)} />
              </details>
            ) : (
              <p class="muted">{w.key_making}</p>
            )}
          </li>
        ))}
      </ul>
      {asked === "add" ? (
        <AddAccount of={s} close={close} />
      ) : (
        asked && <Ask of={{ title: w.remove_account_title, text: <p>{w.remove_account_text}</p>, yes: w.remove_account, danger: true, call: { method: "DELETE", path: remove_path(asked) } }} close={close} />
      )}
    </Section>
  );
}

function Rules({ of: s, admin, done }: { of: Site; admin: boolean; done: () => void }) {
  const [asked, set_asked] = useState(false);
  const projects = (s.projects ?? []).map((p) => `${p.name}${p.max_cpus ? `=${p.max_cpus}` : ""}`).join(", ");
  return (
    <Section
      id="rules"
      title={w.rules}
      aside={
        admin && (
          <button type="button" onClick={() => set_asked(true)}>
            {w.rules_save}
          </button>
        )
      }
    >
      <dl class="facts">
        <div>
          <dt>{w.rule_max_tasks}</dt>
          <dd>{s.max_tasks ?? w.rule_none}</dd>
        </div>
        <div>
          <dt>{w.rule_max_dials}</dt>
          <dd>{s.max_dials ?? w.rule_max_dials_usual}</dd>
        </div>
        <div>
          <dt>{w.rule_speed}</dt>
          <dd>{s.speed ?? 1}</dd>
        </div>
        <div>
          <dt>{s.all_projects ? w.rule_all_projects : w.rule_projects}</dt>
          <dd>{s.all_projects ? "✓" : <Text of={projects || "–"} max={400} />}</dd>
        </div>
      </dl>
      {asked && (
        <RulesForm
          of={s}
          close={(acted) => {
            set_asked(false);
            if (acted) done();
          }}
        />
      )}
    </Section>
  );
}

export function RulesForm({ of: s, close }: { of: Site; close: (acted: boolean) => void }) {
  const offer = s.workers?.[0]?.offer ?? {};
  const [max_tasks, set_max_tasks] = useState(String(s.max_tasks ?? ""));
  const [dials, set_dials] = useState(String(s.max_dials ?? ""));
  const [speed, set_speed] = useState(String(s.speed ?? 1));
  const [all, set_all] = useState(s.all_projects !== false);
  const [projects, set_projects] = useState((s.projects ?? []).map((p) => `${p.name}${p.max_cpus ? `=${p.max_cpus}` : ""}`).join(", "));
  const [cpus, set_cpus] = useState(String(offer["cpus"] ?? ""));
  const [memory, set_memory] = useState(String(offer["memory"] ?? ""));
  const body: Record<string, unknown> = { max_tasks: amount_of(max_tasks), max_dials: amount_of(dials), speed: Number(speed) || 1, all_projects: all };
  if (!all) body["projects"] = projects_of(projects);
  if (s.workers?.length) body["offer"] = { ...offer, cpus: amount_of(cpus), memory: amount_of(memory) };
  return (
    <Ask of={{ title: w.rules, text: null, yes: w.rules_save, call: { method: "PATCH", path: api_path(s), body }, done: () => w.rules_saved }} close={close}>
      <Fields>
        <Field label={w.rule_max_tasks} hint={w.rule_none} value={max_tasks} set={set_max_tasks} data-first />
        <Field label={w.rule_max_dials} hint={w.rule_max_dials_usual} value={dials} set={set_dials} />
        <Field label={w.rule_speed} value={speed} set={set_speed} />
        {s.workers?.length ? <Field label={w.rule_cpus} hint={w.rule_all} value={cpus} set={set_cpus} /> : null}
        {s.workers?.length ? <Field label={w.rule_memory} hint={w.rule_all} value={memory} set={set_memory} /> : null}
      </Fields>
      <label class="check">
        <input type="checkbox" checked={all} onChange={(e) => set_all(e.currentTarget.checked)} />
        {w.rule_all_projects}
      </label>
      {!all && <Field label={w.rule_projects} hint={w.rule_projects_hint} value={projects} set={set_projects} />}
    </Ask>
  );
}

function Test({ of: s, done }: { of: Site; done: () => void }) {
  const test = use_call(`${api_path(s)}/test`, done);
  return (
    <Section
      id="test"
      title={w.test}
      aside={
        <button type="button" disabled={test.busy} onClick={test.ask}>
          {test.busy ? w.test_running : w.test_now}
        </button>
      }
    >
      <TestSaid of={test} />
      {!test.call && !test.problem && <p class="muted">{w.test_lead}</p>}
      <Command line={`reeve site test ${shell_word(s.name)}`} />
    </Section>
  );
}

export function TestSaid({ of: test }: { of: ReturnType<typeof use_call> }) {
  const passed = test.call?.state === "done" && test.call.result?.ok;
  const failed = test.call?.state === "done" && !test.call.result?.ok;
  return (
    <>
      <CallSaid of={test} />
      {test.call && <Steps of={test.call} all />}
      {passed && <Notice tone="good" icon="check" title={w.test_passed} />}
      {failed && (
        <Notice tone="bad" icon="cross" title={w.test_failed}>
          {test.call?.result?.fix && (
            <p>
              <Text of={test.call.result.fix} max={500} />
            </p>
          )}
        </Notice>
      )}
    </>
  );
}

function SiteEvents({ of: s }: { of: Site }) {
  const [feed] = useState(() => new Feed<Event>((e) => e.seq, 200));
  const { data } = use_dependent<Page<Event>>(`/v1/events?site=${encodeURIComponent(s.name)}&limit=20`, s);
  useEffect(() => {
    if (data) feed.offer(data.items);
  }, [data]);
  return (
    <Section id="events" title={w.events}>
      <Events feed={feed} with_job />
    </Section>
  );
}

export function SitePage({ id }: { id: string }) {
  const name = decodeURIComponent(id);
  const [watch] = useState(() => new Watch<Site>(`/v1/sites/${encodeURIComponent(name)}`, ["sites"]));
  useEffect(() => {
    document.title = `${w.title(name)} – ${words.product}`;
    return watch.start();
  }, []);
  const s = watch.data.value;
  const problem = watch.problem.value;
  const governs = may_govern(name);
  if (problem?.status === 404) {
    return (
      <Empty title={w.missing(visible(name, 64))} whole>
        <Link to="/sites">{w.to_sites}</Link>
      </Empty>
    );
  }
  if (!s) return problem ? <Failure problem={problem} /> : <p class="boot">{words.loading}</p>;
  const done = () => watch.refresh();
  return (
    <div class="job">
      {problem && <Toast problem={problem} />}
      <Head of={s} governs={governs} done={done} />
      <div class="columns">
        <div class="main-col">
          <Workers of={s} admin={governs} done={done} />
          <Jobs of={s} />
          <Hosts of={s} admin={governs} done={done} />
          {governs && <Accounts of={s} done={done} />}
          {governs && <Test of={s} done={done} />}
        </div>
        <div class="side">
          <Use of={s} />
          <Data of={s} governs={governs} done={done} />
          <Rules of={s} admin={governs} done={done} />
          <Links of={s} />
          {governs && <Admins of={s} />}
          <SiteEvents of={s} />
        </div>
      </div>
    </div>
  );
}
