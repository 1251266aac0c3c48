// SPDX-License-Identifier: Apache-2.0
// dataset.tsx - one dataset: where it is and how soon elsewhere, what is in it, where it comes from, who used it.

import { useEffect, useState } from "preact/hooks";
import { path_of, post, Problem } from "../api";
import { Ago, Badge, Command, Empty, Failure, JobState, Notice, Section, Text, Toast } from "../parts/basic";
import { Ask, curl_of, type Question } from "../parts/dialog";
import { Candidates } from "../parts/explain";
import { Icon } from "../parts/icon";
import { use_dependent } from "../dependent";
import { bytes, count, seconds, shell_word, visible } from "../format";
import { Watch } from "../live";
import { go, Link } from "../router";
import { words } from "../strings";
import type { Forecast } from "../types";
import { ArrivalSaid } from "./arrival";
import { CallTrouble, use_following } from "./call";
import { DataState, Until } from "./datasets";
import { Files } from "./files";
import { Lineage } from "./lineage";
import { may_write } from "./may";
import { Table, type Column } from "./table";
import type { DataOne, Place, Where, WhereRow } from "./types";
import { w } from "./words";

const api_path = (d: { name: string }) => `/v1/datasets/${encodeURIComponent(d.name)}`;
const list_of = (text: string) => text.split(",").map((v) => v.trim()).filter(Boolean);

// What is known of a site: what lies there, and what the engine says of the rest.
interface Spot {
  site: string;
  place: Place | undefined;
  where: WhereRow | undefined;
}

function spots_of(d: DataOne, where: Where | null): Spot[] {
  const names = [...new Set([...(where?.items ?? []).map((r) => r.site), ...d.sites.map((p) => p.site)])];
  return names.map((site) => ({ site, place: d.sites.find((p) => p.site === site), where: where?.items.find((r) => r.site === site) }));
}

type Verb = "copy" | "evict" | "pin" | "unpin";

function question_of(d: DataOne, verb: Verb, s: Spot): Question {
  const site = visible(s.site, 64);
  const name = shell_word(d.name);
  const at = shell_word(s.site);
  const r = s.where;
  if (verb === "copy") {
    return {
      title: w.copy_title(site),
      text: <p>{w.copy_text(bytes(r?.missing ?? d.bytes), r?.from ? visible(r.from, 64) : "", r?.seconds ? seconds(r.seconds) : "")}</p>,
      yes: w.copy_yes,
      call: { method: "POST", path: `${api_path(d)}/copy`, body: { site: s.site } },
      command: `reeve data copy ${name} ${at}`,
    };
  }
  if (verb === "evict") {
    return {
      title: w.evict_title(site),
      text: <p>{w.evict_text(bytes(s.place?.bytes))}</p>,
      yes: w.evict_yes,
      danger: true,
      call: { method: "POST", path: `${api_path(d)}/evict`, body: { site: s.site } },
      command: `reeve data evict ${name} ${at}`,
    };
  }
  return {
    title: verb === "pin" ? w.pin_title(site) : w.unpin_title(site),
    text: <p>{verb === "pin" ? w.pin_text : w.unpin_text}</p>,
    yes: verb === "pin" ? w.pin_yes : w.unpin_yes,
    call: { method: "POST", path: `${api_path(d)}/pin`, body: { site: s.site, pinned: verb === "pin" } },
    command: `reeve data ${verb} ${name} ${at}`,
    done: () => (verb === "pin" ? w.pin_done : w.unpin_done),
  };
}

const where_looks = {
  complete: ["check", "good"],
  coming: ["down", "busy"],
  part: ["dots", "warn"],
  none: ["question", "calm"],
} as const;

function SpotState({ of: s }: { of: Spot }) {
  const state = s.where?.state ?? (s.place?.complete ? "complete" : s.place ? "part" : "none");
  const [icon, tone] = where_looks[state] ?? where_looks.none;
  return (
    <>
      <Badge icon={icon} tone={tone}>
        {w.where_states[state] ?? visible(state, 20)}
      </Badge>
      {s.place?.suspect && (
        <Badge icon="warn" tone="warn" title={w.suspect_help}>
          {w.suspect}
        </Badge>
      )}
      {s.where && state !== "complete" && (
        <span class="sub">
          <Text of={s.where.sentence} max={200} />
        </span>
      )}
    </>
  );
}

function There({ of: s, all }: { of: Spot; all: number }) {
  const have = s.where?.bytes ?? s.place?.bytes ?? 0;
  return (
    <>
      {bytes(have)}
      {have > 0 && have < all && (
        <span class="track thin" aria-hidden="true">
          <i style={{ width: `${(100 * have) / all}%` }} />
        </span>
      )}
    </>
  );
}

function Soon({ of: r }: { of: WhereRow | undefined }) {
  if (!r) return <>–</>;
  if (r.state === "complete") return <>{w.soon_now}</>;
  if (!r.allowed) return <span class="muted">{w.forbidden}</span>;
  if (r.seconds === null) return <span class="muted">{w.soon_never}</span>;
  return <b>{seconds(r.seconds)}</b>;
}

function WhereIs({ of: d, where, changed }: { of: DataOne; where: Where | null; changed: () => void }) {
  const [asked, set_asked] = useState<{ verb: Verb; spot: Spot } | null>(null);
  const calls = use_following(changed);
  const columns: Column<Spot>[] = [
    {
      name: "site",
      word: w.col_site,
      cell: (s) => (
        <Link to={`/sites/${encodeURIComponent(s.site)}`} class="whole">
          <Text of={s.site} max={64} />
        </Link>
      ),
    },
    { name: "state", word: w.col_state, whole: true, cell: (s) => <SpotState of={s} /> },
    { name: "there", word: w.col_there, num: true, cell: (s) => <There of={s} all={d.bytes} /> },
    { name: "soon", word: w.col_soon, num: true, cell: (s) => <Soon of={s.where} /> },
    { name: "from", word: w.col_from, wide: true, cell: (s) => <Text of={s.where?.from} max={64} /> },
    {
      name: "kept",
      word: w.col_rule,
      whole: true,
      cell: (s) =>
        s.place && (
          <span class="muted">
            {s.place.copy ? w.copied : w.registered}
            {s.place.pinned_by && (
              <>
                , <Text of={w.pinned(s.place.pinned_by)} max={80} />
              </>
            )}
            {s.place.used_at && (
              <>
                , {w.used} <Ago at={s.place.used_at} />
              </>
            )}
          </span>
        ),
    },
    ...(may_write()
      ? [
          {
            name: "act",
            word: "",
            whole: true,
            num: true,
            cell: (s: Spot) => (
              <span class="row-acts">
                {d.state === "sealed" && s.where?.allowed && s.where.state !== "complete" && s.where.state !== "coming" && s.where.seconds !== null && (
                  <button type="button" onClick={() => set_asked({ verb: "copy", spot: s })}>
                    {w.copy_here}
                  </button>
                )}
                {s.place && (
                  <button type="button" class="quiet" onClick={() => set_asked({ verb: s.place?.pinned_by ? "unpin" : "pin", spot: s })}>
                    {s.place.pinned_by ? w.unpin : w.pin}
                  </button>
                )}
                {s.place?.copy && !s.place.pinned_by && (
                  <button type="button" class="quiet" onClick={() => set_asked({ verb: "evict", spot: s })}>
                    {w.evict}
                  </button>
                )}
              </span>
            ),
          },
        ]
      : []),
  ];
  const spots = spots_of(d, where);
  return (
    <Section id="where" title={w.where}>
      {where && !where.live && <Notice tone="warn" icon="warn" title={w.where_recorded} />}
      <CallTrouble of={calls} />
      {spots.length === 0 ? <p class="muted">{where ? w.nowhere : words.loading}</p> : <Table caption={w.where} columns={columns} items={spots} id={(s) => s.site} look="spots" />}
      {asked && (
        <Ask
          of={question_of(d, asked.verb, asked.spot)}
          close={(acted, reply) => {
            const { verb } = asked;
            set_asked(null);
            if (acted) calls.follow(reply, verb === "evict" ? w.evicted : w.copy_asked);
          }}
        />
      )}
    </Section>
  );
}

function Best({ of: d }: { of: DataOne }) {
  const body = { command: ["true"], inputs: [d.name], project: d.project };
  const [said, set_said] = useState<Forecast | Problem | null>(null);
  const [busy, set_busy] = useState(false);
  const ask = async () => {
    set_busy(true);
    set_said(await post<Forecast>("/v1/explain", body).catch((reason: unknown) => Problem.from(reason)));
    set_busy(false);
  };
  return (
    <Section
      id="best"
      title={w.best}
      aside={
        <button type="button" disabled={busy} onClick={() => void ask()}>
          {busy ? words.form_busy : w.best_ask}
        </button>
      }
    >
      {said === null && <p class="muted">{w.best_lead}</p>}
      {said instanceof Problem && <Failure problem={said} />}
      {said && !(said instanceof Problem) && (
        <>
          <p class="lead">
            <Text of={said.sentence} max={600} />
          </p>
          {said.never && <Notice tone="bad" icon="cross" title={<Text of={said.never.sentence} max={500} />} />}
          {said.candidates.length > 0 && <Candidates of={{ site: said.best ?? "", candidates: said.candidates }} />}
        </>
      )}
      <details class="elsewhere">
        <summary>{words.elsewhere}</summary>
        <Command line={`reeve where ${shell_word(d.name)}`} />
        <Command line={curl_of({ method: "POST", path: "/v1/explain", body })} />
      </details>
    </Section>
  );
}

function PolicyForm({ of: d, close }: { of: DataOne; close: (acted: boolean) => void }) {
  const [sites, set_sites] = useState((d.policy?.sites ?? []).join(", "));
  const [labels, set_labels] = useState((d.policy?.labels ?? []).join(", "));
  const [s, l] = [list_of(sites), list_of(labels)];
  const policy = { ...(s.length ? { sites: s } : {}), ...(l.length ? { labels: l } : {}) };
  const options = [...(s.length ? ["--sites", s.join(",")] : []), ...(l.length ? ["--labels", l.join(",")] : []), ...(s.length + l.length ? [] : ["--sites", "any"])];
  const question: Question = {
    title: w.policy_title,
    text: <p>{w.policy_text}</p>,
    yes: w.policy_yes,
    call: { method: "PATCH", path: api_path(d), body: { policy } },
    command: ["reeve", "data", "policy", d.name, ...options].map(shell_word).join(" "),
    done: () => w.policy_done,
  };
  return (
    <Ask of={question} close={close}>
      <label class="field">
        <span>{w.policy_field_sites}</span>
        <input type="text" data-first maxLength={2000} spellcheck={false} value={sites} onInput={(e) => set_sites(e.currentTarget.value)} />
        <small>{w.policy_field_sites_hint}</small>
      </label>
      <label class="field">
        <span>{w.policy_field_labels}</span>
        <input type="text" maxLength={2000} spellcheck={false} value={labels} onInput={(e) => set_labels(e.currentTarget.value)} />
        <small>{w.policy_field_labels_hint}</small>
      </label>
    </Ask>
  );
}

const day_of = (time: string | null | undefined) => (time ? new Date(time).toISOString().slice(0, 10) : "");

function ExpiryForm({ of: d, close }: { of: DataOne; close: (acted: boolean) => void }) {
  const [day, set_day] = useState(day_of(d.expires_at));
  const expires_at = day ? `${day}T00:00:00Z` : null;
  const question: Question = {
    title: w.expiry_title,
    text: <p>{w.expiry_text}</p>,
    yes: w.expiry_yes,
    call: { method: "PATCH", path: api_path(d), body: { expires_at } },
    command: `reeve data expire ${shell_word(d.name)} ${expires_at ?? "never"}`,
    done: () => w.expiry_done,
  };
  return (
    <Ask of={question} close={close}>
      <label class="field">
        <span>{w.expiry_field}</span>
        <input type="date" data-first value={day} onInput={(e) => set_day(e.currentTarget.value)} />
        <small>{w.expiry_hint}</small>
      </label>
    </Ask>
  );
}

function policy_text(d: DataOne): string {
  const p = d.policy;
  const parts = [...(p?.sites.length ? [w.policy_sites(p.sites.join(", "))] : []), ...(p?.labels.length ? [w.policy_labels(p.labels.join(", "))] : [])];
  return parts.length ? parts.join("; ") : w.policy_any;
}

function Facts({ of: d, changed }: { of: DataOne; changed: () => void }) {
  const [asked, set_asked] = useState<"policy" | "expiry" | null>(null);
  const close = (acted: boolean) => {
    set_asked(null);
    if (acted) changed();
  };
  return (
    <Section id="facts" title={w.facts}>
      <dl class="facts">
        <div>
          <dt>{w.fact_project}</dt>
          <dd>
            <Text of={d.project} max={64} />
          </dd>
        </div>
        <div>
          <dt>{w.fact_made}</dt>
          <dd>
            <Ago at={d.made_at} /> {d.made_by && <Text of={words.asked_by(d.made_by)} max={80} />}
            {d.job && (
              <span class="sub">
                <Link to={`/jobs/${d.job}`}>{w.lineage_made(String(d.job))}</Link>
              </span>
            )}
          </dd>
        </div>
        {d.sealed_at && (
          <div>
            <dt>{w.fact_sealed}</dt>
            <dd>
              <Ago at={d.sealed_at} />
            </dd>
          </div>
        )}
        <div>
          <dt>{w.fact_expires}</dt>
          <dd>
            <Until at={d.expires_at} />
          </dd>
        </div>
        <div>
          <dt>{w.fact_policy}</dt>
          <dd>
            <Text of={policy_text(d)} max={400} />
            {d.policy?.by && (
              <span class="sub">
                <Text of={w.policy_by(d.policy.by)} max={80} />
              </span>
            )}
          </dd>
        </div>
      </dl>
      {may_write() && (
        <div class="under-acts">
          <button type="button" onClick={() => set_asked("policy")}>
            {w.change_policy}
          </button>
          <button type="button" onClick={() => set_asked("expiry")}>
            {w.change_expiry}
          </button>
        </div>
      )}
      {asked === "policy" && <PolicyForm of={d} close={close} />}
      {asked === "expiry" && <ExpiryForm of={d} close={close} />}
    </Section>
  );
}

type Use = NonNullable<DataOne["used_by"]>[number];
const use_columns: Column<Use>[] = [
  {
    name: "job",
    word: w.col_job,
    cell: (u) => (
      <Link to={`/jobs/${u.job}`} class="whole">
        <span class="id">{u.job}</span> <Text of={u.name} max={60} />
      </Link>
    ),
  },
  { name: "state", word: w.col_state, whole: true, cell: (u) => <JobState of={{ state: u.state, tasks: { placed: 1 } }} /> },
  {
    name: "when",
    word: w.col_when,
    num: true,
    cell: (u) => (
      <>
        <Ago at={u.submitted_at} />
        <span class="sub">
          <Text of={u.user} max={60} />
        </span>
      </>
    ),
  },
];

// How often it was read, by day: the newest at the right.
function Heat({ of: reads }: { of: NonNullable<DataOne["reads"]> }) {
  const most = Math.max(1, ...reads.days.map((d) => d.jobs));
  const days = [...reads.days].reverse();
  return (
    <div class="day-bars" role="img" aria-label={w.reads(count(reads.jobs))}>
      {days.map((d) => (
        <i key={d.day} style={{ height: `${Math.max(8, (100 * d.jobs) / most)}%` }} title={w.reads_day(d.day, count(d.jobs), count(d.tasks))} />
      ))}
    </div>
  );
}

function UsedBy({ of: d }: { of: DataOne }) {
  const uses = d.used_by ?? [];
  return (
    <Section id="used" title={w.used_by} aside={d.reads && d.reads.jobs > 0 ? <span class="muted">{w.reads(count(d.reads.jobs))}</span> : undefined}>
      {d.reads && d.reads.days.length > 0 && <Heat of={d.reads} />}
      {uses.length === 0 ? <p class="muted">{w.used_none}</p> : <Table caption={w.used_by} columns={use_columns} items={uses} id={(u) => u.job} />}
    </Section>
  );
}

function Head({ of: d }: { of: DataOne }) {
  const [asked, set_asked] = useState(false);
  const removal: Question = {
    title: w.forget_title,
    text: <p>{w.forget_text}</p>,
    yes: w.forget_yes,
    danger: true,
    call: { method: "DELETE", path: api_path(d) },
    command: `reeve data remove ${shell_word(d.name)}`,
    done: () => w.forgotten,
  };
  return (
    <header class="job-head">
      <Link to="/data" class="back">
        <Icon name="back" />
        {words.data}
      </Link>
      <div class="title">
        <h1>
          <Text of={d.name} max={200} />
        </h1>
        <DataState of={d.state} />
        <span class="muted">{w.has(count(d.files), bytes(d.bytes))}</span>
        {may_write() && (
          <div class="actions">
            {d.state === "sealed" && (
              <Link to={`/data:new?name=${encodeURIComponent(d.base ?? d.name)}`} class="button">
                {w.new_version}
              </Link>
            )}
            <button type="button" class="danger" onClick={() => set_asked(true)}>
              {w.forget}
            </button>
          </div>
        )}
      </div>
      {asked && <Ask of={removal} close={(acted) => (acted ? go("/data") : set_asked(false))} />}
    </header>
  );
}

export function DatasetPage({ id }: { id: string }) {
  const name = decodeURIComponent(id);
  const base = `/v1/datasets/${encodeURIComponent(name)}`;
  const [watch] = useState(() => new Watch<DataOne>(base, ["data"]));
  useEffect(() => {
    document.title = `${w.data_title(visible(name, 80))} – ${words.product}`;
    return watch.start();
  }, []);
  const d = watch.data.value;
  const problem = watch.problem.value;
  const [again, set_again] = useState(0);
  const { data: where } = use_dependent<Where>(d ? path_of(`${base}/where`, {}) : null, `${d?.sites.map((p) => `${p.site}${p.bytes}${p.suspect}`).join()} ${JSON.stringify(d?.policy)} ${again}`);
  if (problem?.status === 404) {
    return (
      <Empty title={w.data_missing(visible(name, 80))} whole>
        <p>{w.data_missing_fix}</p>
        <Link to="/data">{w.to_data}</Link>
      </Empty>
    );
  }
  if (!d) return problem ? <Failure problem={problem} /> : <p class="boot">{words.loading}</p>;
  const changed = () => {
    watch.refresh();
    set_again(again + 1);
  };
  return (
    <div class="job">
      {problem && <Toast problem={problem} />}
      <Head of={d} />
      {d.arrival && <ArrivalSaid of={d} changed={changed} />}
      <div class="columns">
        <div class="main-col">
          <WhereIs of={d} where={where} changed={changed} />
          <Lineage of={d} />
          <Files of={d} />
        </div>
        <div class="side">
          <Facts of={d} changed={changed} />
          <UsedBy of={d} />
        </div>
      </div>
      {d.state === "sealed" && <Best of={d} />}
    </div>
  );
}
