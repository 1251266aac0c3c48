// SPDX-License-Identifier: Apache-2.0
// workers.tsx - the workers of all sites, and one of them: how it is, what it offers, and what draining it would do.

import { useEffect, useState } from "preact/hooks";
import { path_of } from "../api";
import { Ago, Command, Empty, Failure, JobState, Notice, Section, State, Text, Toast } from "../parts/basic";
import { Meter } from "../parts/bars";
import { Events } from "../parts/events";
import { Icon } from "../parts/icon";
import { use_dependent } from "../dependent";
import { Feed } from "../feed";
import { bytes, count, seconds, shell_word, visible } from "../format";
import { tick, Watch } from "../live";
import { Link, query, query_set } from "../router";
import { AskWhy } from "../sites/ask_why";
import { w as site_words } from "../sites/words";
import { words } from "../strings";
import type { Event, Job, Page, Site, Worker } from "../types";
import { may_govern } from "./may";
import { Table, Take, type Column } from "./table";
import { w } from "./words";

export type SiteWorker = Worker & { site: string };

const SILENT_MS = 60_000; // figures are written every 15 s
const SKEW_MS = 1000; // more than this is worth a word
const site_path = (name: string) => `/sites/${encodeURIComponent(name)}`;

function Link_state({ of: k }: { of: SiteWorker }) {
  const said = k.intent === "draining" && k.intent_why ? k.intent_why : k.link_text;
  return (
    <>
      <State machine="link" of={k.link} />
      {k.intent === "draining" && <State machine="intent" of="draining" />}
      {said && (
        <span class="sub">
          <Text of={said} max={200} />
        </span>
      )}
      {Math.abs(k.clock_skew_ms ?? 0) > SKEW_MS && <span class="sub">{site_words.skew(seconds(Math.abs(k.clock_skew_ms!) / 1000))}</span>}
    </>
  );
}

const columns: Column<SiteWorker>[] = [
  {
    name: "worker",
    word: w.col_worker,
    value: (k) => k.id,
    cell: (k) => (
      <>
        <Link to={`/workers/${k.id}`} class="whole">
          <span class="id">{k.id}</span> <Text of={k.hostname ?? k.host} max={80} />
        </Link>
        <span class="sub">
          <Text of={`${k.user ?? ""}@${k.host}`} max={120} />
        </span>
      </>
    ),
  },
  {
    name: "site",
    word: w.col_site,
    value: (k) => k.site,
    cell: (k) => (
      <Link to={site_path(k.site)}>
        <Text of={k.site} max={64} />
      </Link>
    ),
  },
  { name: "link", word: w.col_state, whole: true, value: (k) => `${k.link} ${k.intent ?? ""}`, cell: (k) => <Link_state of={k} /> },
  { name: "running", word: w.col_running, num: true, value: (k) => k.running, cell: (k) => count(k.running ?? 0) },
  { name: "cpus", word: site_words.col_cpus, num: true, value: (k) => k.cpus, cell: (k) => words.bar_of(count(k.used?.cpus ?? 0), count(k.cpus)) },
  { name: "memory", word: site_words.col_memory, num: true, wide: true, value: (k) => k.memory, cell: (k) => words.bar_of(bytes(k.used?.memory ?? 0), bytes(k.memory)) },
  { name: "load", word: site_words.col_load, num: true, wide: true, value: (k) => k.load, cell: (k) => (k.load === null || k.load === undefined ? "–" : k.load.toFixed(2)) },
  { name: "disk_free", word: site_words.col_disk, num: true, wide: true, value: (k) => k.disk_free, cell: (k) => bytes(k.disk_free) },
  { name: "version", word: w.version, wide: true, value: (k) => k.version ?? null, cell: (k) => <Text of={k.version ?? "–"} max={30} /> },
  { name: "seen_at", word: site_words.col_seen, num: true, value: (k) => k.seen_at, cell: (k) => <Ago at={k.seen_at} /> },
];

export function Workers() {
  const site = query.value.get("site");
  const path = path_of("/v1/workers", { site });
  return <List key={path} path={path} site={site} />;
}

function List({ path, site }: { path: string; site: string | null }) {
  const [watch] = useState(() => new Watch<Page<SiteWorker>>(path, ["sites"]));
  useEffect(() => {
    document.title = `${words.workers} – ${words.product}`;
    return watch.start();
  }, []);
  const { data: sites } = use_dependent<Page<Site>>("/v1/sites", site);
  const items = watch.data.value?.items;
  const problem = watch.problem.value;
  const ready = items?.filter((k) => k.link === "ready").length ?? 0;
  return (
    <section class="panel" aria-labelledby="workers-title">
      <header>
        <h1 id="workers-title">{words.workers}</h1>
        <span class="muted grow">{items && items.length > 0 && site_words.links(ready, items.length)}</span>
        <label class="inline-field">
          {w.col_site}
          <select value={site ?? ""} onChange={(e) => query_set({ site: e.currentTarget.value })}>
            <option value="">{words.all}</option>
            {(sites?.items ?? []).map((s) => (
              <option key={s.name} value={s.name}>
                {visible(s.name, 64)}
              </option>
            ))}
          </select>
        </label>
        <Take name="workers" path={path} columns={columns} {...(items ? { items } : {})} command={["reeve", "worker", "list", ...(site ? ["--site", site] : [])].map(shell_word).join(" ")} />
      </header>
      {problem && (items ? <Toast problem={problem} /> : <Failure problem={problem} />)}
      {!items && !problem && <p class="empty">{words.loading}</p>}
      {items?.length === 0 && (
        <Empty title={w.workers_none}>
          <p>{site_words.workers_none}</p>
          <Link to={site ? site_path(site) : "/sites"}>{site_words.to_sites}</Link>
        </Empty>
      )}
      {items && items.length > 0 && <Table caption={words.workers} columns={columns} items={items} id={(k) => k.id} />}
    </section>
  );
}

// What draining would leave of the site, in a sentence.
function effect_of(k: SiteWorker, site: Site | null): string {
  const running = k.running ?? 0;
  const others = (site?.workers ?? []).filter((o) => o.id !== k.id && o.link === "ready" && o.intent !== "draining");
  const cpus = others.reduce((n, o) => n + (o.cpus ?? 0), 0);
  const left = site ? (others.length ? w.drain_left(visible(k.site, 64), count(cpus), count(others.length)) : w.drain_last(visible(k.site, 64))) : "";
  return `${running ? site_words.now_running(count(running)) : w.drain_idle} ${left}`;
}

function Intent({ of: k, site, done }: { of: SiteWorker; site: Site | null; done: () => void }) {
  const [asked, set_asked] = useState(false);
  const resume = k.intent === "draining";
  return (
    <div class="actions">
      <button type="button" onClick={() => set_asked(true)}>
        {resume ? site_words.resume : site_words.drain}
      </button>
      {asked && (
        <AskWhy
          change={resume ? site_words.worker_resume : site_words.worker_drain}
          path={`/v1/workers/${k.id}/${resume ? "resume" : "drain"}`}
          command={(why) => `reeve worker ${resume ? "resume" : "drain"} ${k.id}${why ? ` --why ${shell_word(why)}` : ""}`}
          {...(resume ? {} : { now: effect_of(k, site) })}
          close={(acted) => {
            set_asked(false);
            if (acted) done();
          }}
        />
      )}
    </div>
  );
}

function Capacity({ of: k }: { of: SiteWorker }) {
  const used = k.used ?? {};
  const disk = k.disk_total ? k.disk_total - (k.disk_free ?? 0) : 0;
  return (
    <Section id="capacity" title={site_words.use} aside={<span class="muted">{words.running_tasks(count(used.tasks ?? 0))}</span>}>
      {!k.cpus && <p class="muted">{words.capacity_unknown}</p>}
      {k.cpus ? <Meter label={words.cpus} used={used.cpus ?? 0} all={k.cpus} text={words.bar_of(count(used.cpus ?? 0), count(k.cpus))} /> : null}
      {k.memory ? <Meter label={words.memory} used={used.memory ?? 0} all={k.memory} text={words.bar_of(bytes(used.memory ?? 0), bytes(k.memory))} /> : null}
      {k.gpus ? <Meter label={words.gpus} used={used.gpus ?? 0} all={k.gpus} text={words.bar_of(count(used.gpus ?? 0), count(k.gpus))} /> : null}
      {k.disk_total ? <Meter label={words.disk} used={disk} all={k.disk_total} text={words.disk_free(bytes(k.disk_free))} /> : null}
      {k.load !== null && k.load !== undefined && k.cpus ? <Meter label={site_words.col_load} used={k.load} all={k.cpus} text={k.load.toFixed(2)} /> : null}
    </Section>
  );
}

function offer_text(k: SiteWorker): string {
  const entries = Object.entries(k.offer ?? {}).flatMap(([name, v]) => (name === "custom" && v && typeof v === "object" ? Object.entries(v as Record<string, unknown>) : [[name, v] as [string, unknown]]));
  const said = entries.filter(([, v]) => typeof v === "number").map(([name, v]) => (name === "memory" ? `${bytes(v as number)} ${name}` : `${count(v as number)} ${visible(name, 40)}`));
  return said.length ? said.join(", ") : w.offer_all;
}

export function WorkerPage({ id }: { id: string }) {
  const [watch] = useState(() => new Watch<SiteWorker>(`/v1/workers/${id}`, ["sites"]));
  useEffect(() => {
    document.title = `${w.worker_title(id)} – ${words.product}`;
    return watch.start();
  }, []);
  const k = watch.data.value;
  const problem = watch.problem.value;
  const { data: site } = use_dependent<Site>(k ? `/v1/sites/${encodeURIComponent(k.site)}` : null, k);
  const [feed] = useState(() => new Feed<Event>((e) => e.seq, 200));
  const { data: events } = use_dependent<Page<Event>>(k ? `/v1/events?site=${encodeURIComponent(k.site)}&limit=20` : null, k);
  const { data: version } = use_dependent<{ version: string }>("/v1/version", "once");
  const { data: jobs } = use_dependent<Page<Job>>(k ? path_of("/v1/jobs", { site: k.site, state: "active", limit: 6 }) : null, k);
  useEffect(() => {
    if (events) feed.offer(events.items);
  }, [events]);
  if (problem?.status === 404) {
    return (
      <Empty title={w.worker_missing(id)} whole>
        <Link to="/workers">{w.to_workers}</Link>
      </Empty>
    );
  }
  if (!k) return problem ? <Failure problem={problem} /> : <p class="boot">{words.loading}</p>;
  const alive = k.seen_at === null || tick.value - Date.parse(k.seen_at) < SILENT_MS;
  return (
    <div class="job">
      {problem && <Toast problem={problem} />}
      <header class="job-head">
        <Link to="/workers" class="back">
          <Icon name="back" />
          {words.workers}
        </Link>
        <div class="title">
          <h1>
            <span class="id">{k.id}</span> <Text of={k.hostname ?? k.host} max={80} />
          </h1>
          <State machine="link" of={k.link} />
          {k.intent === "draining" && <State machine="intent" of="draining" />}
          {may_govern(k.site) && <Intent of={k} site={site} done={() => watch.refresh()} />}
        </div>
        {(k.link_text || k.intent_why) && (
          <p class="muted">
            <Text of={k.intent === "draining" && k.intent_why ? k.intent_why : k.link_text} max={400} /> {k.intent === "draining" && k.intent_by && <Text of={site_words.by(k.intent_by)} max={80} />}
          </p>
        )}
      </header>
      {version && k.version && k.version !== version.version && (
        <Notice tone="warn" icon="warn" title={w.other_version(visible(k.version, 40), version.version)}>
          <p>{w.other_version_fix}</p>
          <Command line={`reeve worker drain ${k.id} --why ${shell_word(w.upgrade_why)}`} />
        </Notice>
      )}
      {!alive && k.link !== "absent" && (
        <Notice tone="warn" icon="warn" title={w.silent(seconds((tick.value - Date.parse(k.seen_at ?? "")) / 1000))}>
          <p>{w.silent_fix}</p>
        </Notice>
      )}
      <div class="columns">
        <div class="main-col">
          <Capacity of={k} />
          <Section id="here" title={w.site_jobs} aside={<Link to={`/jobs?site=${encodeURIComponent(k.site)}&state=active`}>{words.mine_all}</Link>}>
            <p class="muted">{w.worker_runs(count(k.used?.tasks ?? 0))}</p>
            <ul class="mine">
              {(jobs?.items ?? []).map((j) => (
                <li key={j.id}>
                  <div class="mine-line">
                    <Link to={`/jobs/${j.id}`} class="whole">
                      <span class="id">{j.id}</span> <Text of={j.name} max={80} />
                    </Link>
                    <span class="grow" />
                    <JobState of={j} />
                  </div>
                </li>
              ))}
            </ul>
          </Section>
          <Section id="events" title={w.site_events} aside={<Link to={site_path(k.site)}><Text of={k.site} max={64} /></Link>}>
            <Events feed={feed} with_job />
          </Section>
        </div>
        <div class="side">
          <Section id="facts" title={words.facts}>
            <dl class="facts">
              {(
                [
                  [w.col_site, <Link to={site_path(k.site)}><Text of={k.site} max={64} /></Link>],
                  [site_words.col_account, <Text of={`${k.user ?? ""}@${k.host}`} max={120} />],
                  [w.offers, <Text of={offer_text(k)} max={300} />],
                  [w.version, <Text of={k.version ?? w.version_unknown} max={60} />],
                  [w.processor, <Text of={k.machine} max={60} />],
                  [w.abilities, <Text of={(k.features ?? []).map((f) => w.ability[f] ?? f).join(", ") || "–"} max={300} />],
                  [w.connected, <Ago at={k.since} />],
                  [w.heartbeat, <Ago at={k.seen_at} />],
                  [w.clock, k.clock_skew_ms === null || k.clock_skew_ms === undefined ? "–" : `${k.clock_skew_ms} ms`],
                  [w.memory_free, bytes(k.memory_available)],
                ] as const
              ).map(([name, value]) => (
                <div key={name}>
                  <dt>{name}</dt>
                  <dd>{value}</dd>
                </div>
              ))}
            </dl>
          </Section>
          <Section id="shell" title={words.elsewhere}>
            <Command line={`reeve worker show ${k.id}`} />
            <Command line={`reeve site test ${shell_word(k.site)}`} />
          </Section>
        </div>
      </div>
    </div>
  );
}
