// SPDX-License-Identifier: Apache-2.0
// my_sites.tsx - the home page of who governs sites: how each is, what runs and fails there, what moves to and from it.

import { me, path_of } from "../api";
import { Meter } from "../parts/bars";
import { Ago, Empty, JobState, Notice, Section, State, Text } from "../parts/basic";
import { use_dependent } from "../dependent";
import { bytes, count } from "../format";
import { tick } from "../live";
import { Link } from "../router";
import { words } from "../strings";
import type { Job, Overview, Page, Site } from "../types";
import type { LinkInfo, Transfer } from "../world/types";
import { Failing, use_insight, type Insight } from "./figures";
import { TransferLine } from "./mine";
import { sheet } from "./sheet";
import { w } from "./words";

sheet();

const SITES = 4; // each is asked for what runs there
const SHOWN = 4;
const MINUTE_MS = 60_000;

function Room({ of: s }: { of: Site }) {
  const all = s.capacity ?? {};
  const used = s.used ?? {};
  const workers = s.workers ?? [];
  const disks = workers.filter((k) => k.disk_total);
  return (
    <>
      {all.cpus ? <Meter label={words.cpus} used={used.cpus ?? 0} all={all.cpus} text={words.bar_of(count(used.cpus ?? 0), count(all.cpus))} /> : <p class="muted">{words.capacity_unknown}</p>}
      {all.memory ? <Meter label={words.memory} used={used.memory ?? 0} all={all.memory} text={words.bar_of(bytes(used.memory ?? 0), bytes(all.memory))} /> : null}
      {disks.slice(0, 2).map((k) => (
        <Meter key={k.id} label={w.disk} used={(k.disk_total ?? 0) - (k.disk_free ?? 0)} all={k.disk_total ?? 0} text={words.disk_free(bytes(k.disk_free))} />
      ))}
      {s.data?.limit ? <Meter label={w.room} used={s.data.used ?? 0} all={s.data.limit} text={w.room_of(bytes(s.data.used ?? 0), bytes(s.data.limit))} /> : null}
      <p class="muted">{w.connected(count(workers.filter((k) => k.link === "ready").length), count(workers.length))}</p>
    </>
  );
}

function Here({ of: s, version }: { of: Site; version: unknown }) {
  const { data } = use_dependent<Page<Job>>(path_of("/v1/jobs", { site: s.name, state: "active", limit: SHOWN }), version);
  const jobs = data?.items ?? [];
  if (jobs.length === 0) return <p class="muted">{w.here_none}</p>;
  return (
    <ul class="mine">
      {jobs.map((j) => (
        <li key={j.id}>
          <div class="mine-line">
            <Link to={`/jobs/${j.id}`} class="whole">
              <span class="id">{j.id}</span> <Text of={j.name} max={60} />
            </Link>
            <span class="grow" />
            <JobState of={j} />
          </div>
          {j.wait && j.tasks.placed === 0 && (
            <span class="sub">
              <Text of={j.wait.sentence} max={160} />
            </span>
          )}
        </li>
      ))}
    </ul>
  );
}

function Moving({ of: s, transfers }: { of: Site; transfers: Transfer[] }) {
  const own = transfers.filter((t) => t.to === s.name || t.from === s.name).slice(0, SHOWN);
  if (own.length === 0) return <p class="muted">{w.moving_none}</p>;
  return (
    <ul class="mine">
      {own.map((t) => (
        <TransferLine key={t.id} of={t} aside={t.to === s.name ? w.moving_in(t.from ?? "–") : w.moving_out(t.to ?? "–")} />
      ))}
    </ul>
  );
}

function Links({ of: s, version }: { of: Site; version: unknown }) {
  const { data } = use_dependent<Page<LinkInfo>>(path_of("/v1/links", { site: s.name }), version);
  const own = (data?.items ?? []).filter((l) => l.rate !== null).slice(0, SHOWN * 2);
  if (own.length === 0) return <p class="muted">{w.site_links_none}</p>;
  return (
    <ul class="mine">
      {own.map((l) => (
        <li key={`${l.from} ${l.to}`}>
          <div class="mine-line">
            <Text of={`${l.from ?? "–"} → ${l.to ?? "–"}`} max={140} />
            <span class="grow" />
            <span class="num">{w.link_rate(bytes(l.rate))}</span>
          </div>
        </li>
      ))}
    </ul>
  );
}

function One({ of: s, overview: o, failures, transfers, minute }: { of: Site; overview: Overview; failures: Insight | null; transfers: Transfer[]; minute: number }) {
  const path = `/sites/${encodeURIComponent(s.name)}`;
  return (
    <section class="panel site-home" aria-labelledby={`site-${s.name}`}>
      <header>
        <h2 id={`site-${s.name}`}>
          <Link to={path}>
            <Text of={s.name} max={64} />
          </Link>
        </h2>
        <State machine="health" of={s.health} />
        {s.intent !== "open" && <State machine="intent" of={s.intent} />}
        <span class="grow" />
        <Link to={`/jobs?site=${encodeURIComponent(s.name)}`}>{w.here_all}</Link>
      </header>
      {(s.alarm || (s.health !== "up" && s.health_text)) && (
        <Notice tone={s.alarm || s.health === "down" ? "bad" : "warn"} icon="warn" title={<Text of={s.alarm ?? s.health_text ?? ""} max={400} />}>
          <p class="muted">
            {s.alarm ? words.alarm : null} <Ago at={s.health_since} />
          </p>
        </Notice>
      )}
      <div class="home-more">
        <div>
          <Room of={s} />
        </div>
        <div>
          <h3>{w.here_now}</h3>
          <Here of={s} version={o} />
        </div>
        <div>
          <h3>{w.failing}</h3>
          <Failing of={failures} site={s.name} none={w.failing_none} />
        </div>
        <div>
          <h3>{w.moving}</h3>
          <Moving of={s} transfers={transfers} />
          <h3>{w.site_links}</h3>
          <Links of={s} version={minute} />
        </div>
      </div>
    </section>
  );
}

export function MySites({ overview: o }: { overview: Overview }) {
  const user = me.value;
  const minute = Math.floor(tick.value / MINUTE_MS);
  const mine = o.sites.filter((s) => user?.role === "admin" || (user?.sites ?? []).includes(s.name));
  const failures = use_insight("failures", "1d", minute);
  const { data: active } = use_dependent<Page<Transfer>>("/v1/transfers?state=active&limit=200", o);
  // Those in trouble first.
  const rank = (s: Site) => (s.alarm ? 0 : s.intent !== "closed" && s.health !== "up" ? 1 : s.intent === "open" ? 2 : 3);
  const sorted = [...mine].sort((a, b) => rank(a) - rank(b) || a.name.localeCompare(b.name));
  if (mine.length === 0) {
    return (
      <Section id="my-sites" title={words.sites}>
        <Empty title={w.my_sites_none}>
          <p>{w.my_sites_none_fix}</p>
        </Empty>
      </Section>
    );
  }
  return (
    <>
      {sorted.slice(0, SITES).map((s) => (
        <One key={s.name} of={s} overview={o} failures={failures} transfers={active?.items ?? []} minute={minute} />
      ))}
      {sorted.length > SITES && (
        <p>
          <Link to="/sites">{w.my_sites_more(count(sorted.length - SITES))}</Link>
        </p>
      )}
    </>
  );
}
