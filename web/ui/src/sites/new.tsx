// SPDX-License-Identifier: Apache-2.0
// new.tsx - a new site in five steps: register, confirm the host's key, let our key in, test, open.
//
// Only the first step keeps anything in the page. From then on the address names the site and the site itself says how
// far it is: whoever leaves and comes back, or began at a terminal, goes on where it stopped.

import { useEffect, useState } from "preact/hooks";
import { me, post, Problem, send } from "../api";
import { Badge, Command, Empty, Failure, Section, Text } from "../parts/basic";
import { say } from "../parts/dialog";
import { shell_word } from "../format";
import { link, Watch } from "../live";
import { go, Link, query } from "../router";
import { words } from "../strings";
import type { Page, Site } from "../types";
import { CallSaid, use_call } from "./call";
import { amount_of, Field, Fields, host_of, list_of } from "./fields";
import { host_name, HostKeys, install_line, KEYGEN, unpinned } from "./keys";
import { site_path } from "./list";
import { TestSaid } from "./one";
import { w } from "./words";

const api_path = (s: Site) => `/v1/sites/${encodeURIComponent(s.name)}`;

function StepHead({ n, title, state }: { n: number; title: string; state: "done" | "now" | "later" }) {
  return (
    <header>
      <h2 id={`step-${n}`}>
        <span class={`step-number ${state}`}>{n}</span> {title}
      </h2>
      {state === "done" && (
        <Badge icon="check" tone="good">
          {w.step_done}
        </Badge>
      )}
      {state === "later" && <span class="muted">{w.step_later}</span>}
    </header>
  );
}

interface Where {
  name: string;
  host: string;
  user: string;
  jumps: string;
  root: string;
}

// The address may fill in what is asked first.
const given = (name: string) => (query.value.get(name) ?? "").slice(0, 253);

function Register() {
  const [v, set_v] = useState<Where>(() => ({ name: given("name"), host: given("host"), user: given("user"), jumps: "", root: "" }));
  const [busy, set_busy] = useState(false);
  const [problem, set_problem] = useState<Problem | null>(null);
  const set = (name: keyof Where) => (value: string) => set_v((old) => ({ ...old, [name]: value }));
  const register = async (e: SubmitEvent) => {
    e.preventDefault();
    set_busy(true);
    const name = v.name.trim();
    const host = { ...host_of(v.host.trim()), jumps: list_of(v.jumps) };
    const account = { user: v.user.trim(), ...(v.root.trim() ? { root: v.root.trim() } : {}) };
    try {
      await post("/v1/sites", { name, hosts: [host], accounts: [account] });
      go(`/sites/new?site=${encodeURIComponent(name)}`, "replace");
    } catch (reason) {
      set_problem(Problem.from(reason));
      set_busy(false);
    }
  };
  return (
    <form onSubmit={register}>
      <Fields>
        <Field label={w.field_name} hint={w.field_name_hint} value={v.name} set={set("name")} required maxLength={64} />
        <Field label={w.field_host} hint={w.field_host_hint} value={v.host} set={set("host")} required />
        <Field label={w.field_user} hint={w.field_user_hint} value={v.user} set={set("user")} required />
      </Fields>
      <details>
        <summary class="muted">{w.more}</summary>
        <Fields>
          <Field label={w.field_jumps} hint={w.field_jumps_hint} value={v.jumps} set={set("jumps")} />
          <Field label={w.field_root} hint={w.field_root_hint} value={v.root} set={set("root")} />
        </Fields>
      </details>
      {problem && <Failure problem={problem} />}
      <div class="buttons">
        <button class="primary" disabled={busy}>
          {busy ? words.form_busy : w.register}
        </button>
      </div>
      <Command line={`reeve site add ${shell_word(v.name.trim() || "NAME")} ${shell_word(`${v.user.trim() || "user"}@${v.host.trim() || "host"}`)}`} />
    </form>
  );
}

// The hosts are asked at once; nobody needs to press anything for that.
function HostKeyStep({ of: s, changed }: { of: Site; changed: () => void }) {
  const probe = use_call(`${api_path(s)}/probe`, changed);
  const unknown = (s.hosts ?? []).some((h) => h.keys.length === 0);
  useEffect(() => {
    if (unknown) probe.ask();
  }, []);
  return (
    <>
      <p>{w.step2_lead}</p>
      {probe.busy && <p class="muted">{w.probing}</p>}
      <CallSaid of={probe} />
      {!unknown && <HostKeys of={s} may changed={changed} />}
      <p class="muted">{w.step2_check}</p>
      <Command line={KEYGEN} />
      <div class="buttons">
        <button type="button" disabled={probe.busy} onClick={probe.ask}>
          {probe.busy ? w.probing : w.probe}
        </button>
      </div>
    </>
  );
}

function KeyStep({ of: s }: { of: Site }) {
  return (
    <>
      <p>{w.step3_lead}</p>
      {(s.accounts ?? []).map((a) => (
        <div key={a.user}>
          <p class="muted">
            <Text of={`${a.user}@${(s.hosts ?? []).map(host_name).join(", ")}`} max={200} />
          </p>
          {a.public_key ? (
            <>
              <Command line={a.public_key} />
              <p>{w.step3_or}</p>
              <Command line={install_line(a.public_key)} />
            </>
          ) : (
            <p class="muted">{w.key_making}</p>
          )}
        </div>
      ))}
    </>
  );
}

function OpenStep({ of: s, tested }: { of: Site; tested: boolean }) {
  const [max_tasks, set_max_tasks] = useState("");
  const [cpus, set_cpus] = useState("");
  const [memory, set_memory] = useState("");
  const [busy, set_busy] = useState(false);
  const [problem, set_problem] = useState<Problem | null>(null);
  const open = async (e: SubmitEvent) => {
    e.preventDefault();
    set_busy(true);
    try {
      const offer: Record<string, unknown> = {};
      if (cpus.trim()) offer["cpus"] = amount_of(cpus);
      if (memory.trim()) offer["memory"] = amount_of(memory);
      const body: Record<string, unknown> = {};
      if (max_tasks.trim()) body["max_tasks"] = amount_of(max_tasks);
      if (Object.keys(offer).length) body["offer"] = offer;
      if (Object.keys(body).length) await send(api_path(s), { method: "PATCH", body });
      await post(`${api_path(s)}/open`, { why: "registered, and its test passed" });
      say(w.finish_done);
      go(site_path(s.name));
    } catch (reason) {
      set_problem(Problem.from(reason));
      set_busy(false);
    }
  };
  return (
    <form onSubmit={open}>
      <p>{w.step5_lead}</p>
      <Fields>
        <Field label={w.rule_max_tasks} hint={w.rule_none} value={max_tasks} set={set_max_tasks} />
        <Field label={w.rule_cpus} hint={w.rule_all} value={cpus} set={set_cpus} />
        <Field label={w.rule_memory} hint={w.rule_all} value={memory} set={set_memory} />
      </Fields>
      {problem && <Failure problem={problem} />}
      <div class="buttons">
        <button class="primary" disabled={busy || !tested}>
          {w.finish}
        </button>
      </div>
    </form>
  );
}

function Going({ name }: { name: string }) {
  const [watch] = useState(() => new Watch<Site>(`/v1/sites/${encodeURIComponent(name)}`, ["sites"]));
  useEffect(() => watch.start(), []);
  const s = watch.data.value;
  const [passed, set_passed] = useState(false);
  const test = use_call(`/v1/sites/${encodeURIComponent(name)}/test`, (c) => set_passed(c.state === "done" && c.result?.ok === true));
  const problem = watch.problem.value;
  if (!s) return problem ? <Failure problem={problem} /> : <p class="boot">{words.loading}</p>;
  const refresh = () => watch.refresh();
  const keyed = !unpinned(s);
  // A site that is open, or was seen at work, has passed its test before.
  const tested = passed || s.intent === "open" || (s.workers ?? []).some((k) => k.seen_at);
  return (
    <>
      <section class="panel" aria-labelledby="step-1">
        <StepHead n={1} title={w.step1} state="done" />
        <p>
          {w.registered_as("")} <b><Text of={s.name} max={64} /></b> <span class="muted"><Text of={(s.hosts ?? []).map(host_name).join(", ")} max={200} /></span>
        </p>
      </section>
      <section class="panel" aria-labelledby="step-2">
        <StepHead n={2} title={w.step2} state={keyed ? "done" : "now"} />
        {keyed ? <p>{w.step2_all}</p> : <HostKeyStep of={s} changed={refresh} />}
      </section>
      <section class="panel" aria-labelledby="step-3">
        <StepHead n={3} title={w.step3} state={!keyed ? "later" : tested ? "done" : "now"} />
        {keyed && <KeyStep of={s} />}
      </section>
      <section class="panel" aria-labelledby="step-4">
        <StepHead n={4} title={w.step4} state={!keyed ? "later" : tested ? "done" : "now"} />
        {keyed && (
          <>
            <TestSaid of={test} />
            <div class="buttons">
              <button type="button" class={tested ? "" : "primary"} disabled={test.busy} onClick={test.ask}>
                {test.busy ? w.test_running : tested ? w.test_now : w.step3_next}
              </button>
            </div>
          </>
        )}
      </section>
      <section class="panel" aria-labelledby="step-5">
        <StepHead n={5} title={w.step5} state={s.intent === "open" ? "done" : tested ? "now" : "later"} />
        {s.intent === "open" ? <Link to={site_path(s.name)}>{w.show_site}</Link> : tested && <OpenStep of={s} tested={tested} />}
      </section>
    </>
  );
}

// Sites that somebody began to register and did not open.
function Unfinished() {
  const [watch] = useState(() => new Watch<Page<Site>>("/v1/sites", ["sites"]));
  useEffect(() => watch.start(), []);
  const sites = (watch.data.value?.items ?? []).filter((s) => s.intent !== "open" && !(s.workers ?? []).some((k) => k.seen_at)).slice(0, 10);
  if (sites.length === 0) return null;
  return (
    <Section id="unfinished" title={w.wizard_unfinished}>
      <ul class="unfinished">
        {sites.map((s) => (
          <li key={s.name}>
            <Link to={`/sites/new?site=${encodeURIComponent(s.name)}`}>
              <Text of={s.name} max={64} />
            </Link>
          </li>
        ))}
      </ul>
    </Section>
  );
}

export function SiteNew() {
  const name = query.value.get("site");
  useEffect(() => {
    document.title = `${w.wizard} – ${words.product}`;
    if (!name) link.value = { state: "idle" };
  }, []);
  if (me.value?.role !== "admin") {
    return (
      <Empty title={w.none_admin} whole>
        <Link to="/sites">{w.to_sites}</Link>
      </Empty>
    );
  }
  return (
    <div class="wizard">
      <header class="job-head">
        <h1>{w.wizard}</h1>
        <p class="muted">
          {w.wizard_lead}{" "}
          {name && <Link to="/sites/new">{w.other_name}</Link>}
        </p>
      </header>
      {name ? (
        <Going key={name} name={name} />
      ) : (
        <>
          <Unfinished />
          <section class="panel" aria-labelledby="step-1">
            <StepHead n={1} title={w.step1} state="now" />
            <Register />
          </section>
        </>
      )}
    </div>
  );
}
