// SPDX-License-Identifier: Apache-2.0
// grid.tsx - the home page of who runs the grid: what needs attention, how full it is, how the scheduler does.

import type { ComponentChildren } from "preact";
import { Meter } from "../parts/bars";
import { Notice, Section, Text } from "../parts/basic";
import { Sites } from "../parts/sites";
import { use_dependent } from "../dependent";
import { bytes, count, seconds, visible } from "../format";
import { tick } from "../live";
import { Link } from "../router";
import { words } from "../strings";
import type { Overview, Page } from "../types";
import type { QueueReply, Transfer } from "../world/types";
import { Failing, last_of, mean_of, use_insight } from "./figures";
import { First } from "./first";
import { sheet } from "./sheet";
import { w } from "./words";

sheet();

interface Check {
  name: string;
  state: "ok" | "warn" | "failed";
  text: string;
  fix: string | null;
}

const MINUTE_MS = 60_000;
const AUDIT_ROWS = 5000;
const TRANSFERS = 200;
const TRIED_OFTEN = 2;

// What one sees at a glance is asked again once a minute; the rest hangs on the overview, which is live.
function use_minute(): number {
  return Math.floor(tick.value / MINUTE_MS);
}

function use_audit(minute: number): { broken: number | null; rows: number } | null {
  const { data: newest } = use_dependent<Page<{ seq: number }>>("/v1/audit?limit=1", minute);
  const last = newest?.items[0]?.seq ?? 0;
  const from = Math.max(1, last - AUDIT_ROWS + 1);
  const { data } = use_dependent<{ broken: number | null }>(last ? `/v1/audit/check?from=${from}` : null, minute);
  return data ? { broken: data.broken, rows: last - from + 1 } : null;
}

function versions_of(o: Overview): Map<string, number> {
  const found = new Map<string, number>();
  for (const s of o.sites) for (const k of s.workers ?? []) if (k.seen_at) found.set(k.version ?? "", (found.get(k.version ?? "") ?? 0) + 1);
  return found;
}

function Attention({ children }: { children: ComponentChildren[] }) {
  const some = children.filter(Boolean);
  return (
    <Section id="attention" title={w.attention}>
      {some.length ? <ul class="attention">{some}</ul> : <p class="muted">{w.attention_none}</p>}
    </Section>
  );
}

function Item({ bad, title, fix, to }: { bad?: boolean; title: string; fix: string | null; to: string }) {
  return (
    <li>
      <Notice tone={bad ? "bad" : "warn"} icon={bad ? "cross" : "warn"} title={<Link to={to}>{visible(title, 400)}</Link>}>
        {fix && (
          <p>
            <Text of={fix} max={400} />
          </p>
        )}
      </Notice>
    </li>
  );
}

function Capacity({ of: o }: { of: Overview }) {
  const sum = (of: "capacity" | "used", what: "cpus" | "memory" | "gpus", up: boolean) =>
    o.sites.filter((s) => (s.health === "up") === up).reduce((n, s) => n + (s[of]?.[what] ?? 0), 0);
  const down = sum("capacity", "cpus", false);
  if (!sum("capacity", "cpus", true) && !down) return <p class="muted">{w.capacity_none}</p>;
  const bar = (label: string, what: "cpus" | "memory" | "gpus", text: (n: number) => string) => {
    const all = sum("capacity", what, true);
    return all ? <Meter label={label} used={sum("used", what, true)} all={all} text={words.bar_of(text(sum("used", what, true)), text(all))} /> : null;
  };
  return (
    <>
      {bar(words.cpus, "cpus", count)}
      {bar(words.memory, "memory", bytes)}
      {bar(words.gpus, "gpus", count)}
      {down > 0 && <p class="muted">{w.capacity_down(count(down))}</p>}
    </>
  );
}

function System({ of: o, checks, audit, server, transfers }: { of: Overview; checks: Check[]; audit: ReturnType<typeof use_audit>; server: string; transfers: Transfer[] }) {
  const minute = use_minute();
  const { data: queue } = use_dependent<QueueReply>("/v1/queue?limit=200", o);
  const passes = use_insight("passes", "1h", minute);
  const waits = use_insight("waits", "1h", minute);
  const launch = use_insight("launch", "1h", minute);
  const text_of = (name: string) => checks.find((c) => c.name === name)?.text ?? w.sys_unknown;
  const since = (queue?.items ?? []).map((i) => Date.parse(i.wait?.since ?? "")).filter((t) => !Number.isNaN(t));
  const slow = (launch?.series ?? [])
    .filter((s) => s.name === "p95" && s.site)
    .map((s) => ({ site: s.site!, v: last_of(s) ?? 0 }))
    .sort((a, b) => b.v - a.v)[0];
  const quantile = (name: string) => {
    const s = waits?.series.find((x) => x.name === name);
    return s ? last_of(s) : null;
  };
  const p50 = quantile("p50");
  const p95 = quantile("p95");
  const mean = passes?.series[0] ? mean_of(passes.series[0]) : null;
  const moving = transfers.filter((t) => t.state === "active");
  const rows: [string, string][] = [
    [w.sys_engine, o.engine.leader ?? words.engine_none],
    [w.sys_pass, w.sys_pass_text(mean === null ? w.sys_unknown : seconds(mean), seconds((o.engine.pass_ms ?? 0) / 1000))],
    [w.sys_queue, since.length ? seconds((tick.value - Math.min(...since)) / 1000) : "–"],
    [w.sys_waits, p50 === null || p95 === null ? "–" : w.sys_quantiles(seconds(p50), seconds(p95))],
    [w.sys_launch, slow ? w.sys_launch_text(visible(slow.site, 64), seconds(slow.v)) : "–"],
    [w.sys_transfers, w.sys_transfers_text(count(moving.length), count(transfers.length - moving.length), bytes(transfers.reduce((n, t) => n + Math.max(0, t.total - t.bytes), 0)))],
    [w.sys_database, text_of("database")],
    [w.sys_disk, text_of("disk")],
    [w.sys_audit, audit ? (audit.broken ? w.audit_broken(count(audit.broken)) : w.sys_audit_holds(count(audit.rows))) : w.sys_unknown],
    [w.sys_versions, w.sys_versions_text(server, [...versions_of(o)].map(([v, n]) => `${count(n)} × ${visible(v || w.sys_unknown, 40)}`).join(", ") || "–")],
  ];
  return (
    <dl class="facts">
      {rows.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>
            <Text of={value} max={300} />
          </dd>
        </div>
      ))}
    </dl>
  );
}

export function Grid({ overview: o }: { overview: Overview }) {
  const minute = use_minute();
  const { data: checked } = use_dependent<{ items: Check[] }>("/v1/setup/checks", minute);
  const { data: version } = use_dependent<{ version: string }>("/v1/version", "once");
  const { data: users } = use_dependent<Page<unknown>>("/v1/users?limit=2", "once");
  const { data: open } = use_dependent<Page<Transfer>>(`/v1/transfers?state=active&limit=${TRANSFERS}`, o);
  const { data: queued } = use_dependent<Page<Transfer>>(`/v1/transfers?state=queued&limit=${TRANSFERS}`, o);
  const audit = use_audit(minute);
  const failures = use_insight("failures", "1d", minute);
  const checks = checked?.items ?? [];
  const transfers = [...(open?.items ?? []), ...(queued?.items ?? [])];
  const often = transfers.filter((t) => t.tries > TRIED_OFTEN).length;
  const drift = version ? [...versions_of(o)].filter(([v]) => v && v !== version.version).reduce((n, [, k]) => n + k, 0) : 0;
  return (
    <>
      <First overview={o} people={(users?.items.length ?? 2) > 1} />
      <Attention>
        {[
          (!o.engine.leader || o.engine.alive === false) && <Item key="engine" bad title={w.engine_down} fix={w.engine_down_fix} to="/admin?tab=system" />,
          ...checks.filter((c) => c.state !== "ok" && c.name !== "engine" && c.name !== "mail").map((c) => <Item key={c.name} bad={c.state === "failed"} title={c.text} fix={c.fix} to="/admin?tab=system" />),
          audit?.broken && <Item key="audit" bad title={w.audit_broken(count(audit.broken))} fix={w.audit_fix} to="/admin?tab=audit" />,
          drift > 0 && <Item key="versions" title={w.version_drift(count(drift), version!.version)} fix={w.version_drift_fix} to="/workers" />,
          often > 0 && <Item key="transfers" title={w.behind(count(often))} fix={null} to="/transfers" />,
        ]}
      </Attention>
      <Sites of={o.sites} />
      <div class="home-more">
        <Section id="capacity" title={w.capacity}>
          <Capacity of={o} />
        </Section>
        <Section id="failures" title={w.failures} aside={<Link to="/insights">{words.insights}</Link>}>
          <Failing of={failures} none={w.failures_none} />
        </Section>
      </div>
      <Section id="system" title={w.system} aside={<Link to="/admin?tab=system">{words.admin_page}</Link>}>
        <System of={o} checks={checks} audit={audit} server={version?.version ?? w.sys_unknown} transfers={transfers} />
      </Section>
    </>
  );
}
