// SPDX-License-Identifier: Apache-2.0
// list.tsx - all sites in a table: does each answer, how full is it, what is wrong.

import { useEffect, useState } from "preact/hooks";
import { me } from "../api";
import { Meter } from "../parts/bars";
import { Ago, Command, Empty, Failure, Notice, State, Text, Toast } from "../parts/basic";
import { Icon } from "../parts/icon";
import { bytes, count, visible } from "../format";
import { use_keys } from "../keys";
import { Watch } from "../live";
import { go, Link } from "../router";
import { words } from "../strings";
import type { Page, Site, Worker } from "../types";
import { w } from "./words";

export const site_path = (name: string) => `/sites/${encodeURIComponent(name)}`;

const last_seen = (workers: Worker[]) =>
  workers
    .map((k) => k.seen_at)
    .filter((t): t is string => !!t)
    .sort()
    .pop() ?? null;

function Row({ of: s }: { of: Site }) {
  const workers = s.workers ?? [];
  const ready = workers.filter((k) => k.link === "ready").length;
  const all = s.capacity ?? {};
  const used = s.used ?? {};
  const disks = workers.map((k) => k.disk_free).filter((d): d is number => d !== null);
  const trouble = workers.find((k) => k.link !== "ready" && k.link_text);
  return (
    <tr role="row">
      <th scope="row" role="rowheader" class="site-cell">
        <Link to={site_path(s.name)} class="whole">
          <Text of={s.name} max={64} />
        </Link>
      </th>
      <td role="cell" class="state-cell">
        <State machine="health" of={s.health} />
        {s.intent !== "open" && <State machine="intent" of={s.intent} />}
        {(s.health_text || s.intent_why) && (
          <span class="sub">
            <Text of={s.health !== "up" && s.health_text ? s.health_text : s.intent !== "open" ? s.intent_why : ""} max={160} />
          </span>
        )}
      </td>
      <td role="cell" class="use-cell">
        {all.cpus ? (
          <>
            <Meter label={words.cpus} used={used.cpus ?? 0} all={all.cpus} text={words.bar_of(count(used.cpus ?? 0), count(all.cpus))} />
            {all.memory ? <Meter label={words.memory} used={used.memory ?? 0} all={all.memory} text={words.bar_of(bytes(used.memory ?? 0), bytes(all.memory))} /> : null}
            {all.gpus ? <Meter label={words.gpus} used={used.gpus ?? 0} all={all.gpus} text={words.bar_of(count(used.gpus ?? 0), count(all.gpus))} /> : null}
          </>
        ) : (
          <span class="muted">{w.capacity_none}</span>
        )}
      </td>
      <td role="cell" class="num">
        <span class="narrow sub">{w.col_running}</span>
        {count(used.tasks ?? 0)}
      </td>
      <td role="cell" class="num wide-cell">{disks.length ? bytes(Math.min(...disks)) : "–"}</td>
      <td role="cell" class="wide-cell">
        {w.links(ready, workers.length)}
        {trouble && (
          <span class="sub">
            <Text of={trouble.link_text} max={160} />
          </span>
        )}
      </td>
      <td role="cell" class="num wide-cell">
        <Ago at={last_seen(workers)} />
      </td>
    </tr>
  );
}

export function Sites() {
  const [watch] = useState(() => new Watch<Page<Site>>("/v1/sites", ["sites"]));
  useEffect(() => {
    document.title = `${words.sites} – ${words.product}`;
    return watch.start();
  }, []);
  const admin = me.value?.role === "admin";
  use_keys(admin ? [{ key: "a", what: w.add, act: () => go("/sites/new") }] : []);
  const sites = watch.data.value?.items;
  const problem = watch.problem.value;
  return (
    <section class="panel" aria-labelledby="sites-title">
      <header>
        <h1 id="sites-title">{words.sites}</h1>
        {sites && sites.length > 0 && <span class="muted grow">{words.sites_up(sites.filter((s) => s.health === "up").length, sites.length)}</span>}
        {sites && sites.length > 0 && <Link to="/links">{words.links}</Link>}
        {admin && (
          <Link to="/sites/new" class="button">
            <Icon name="plus" /> {w.add}
          </Link>
        )}
      </header>
      {problem && (sites ? <Toast problem={problem} /> : <Failure problem={problem} />)}
      {!sites && !problem && <p class="empty">{words.loading}</p>}
      {sites?.length === 0 && (
        <Empty title={w.none}>
          <p>{admin ? w.none_fix : w.none_admin}</p>
          {admin && (
            <>
              <p>
                <Link to="/sites/new" class="button">
                  {w.add}
                </Link>
              </p>
              <Command line="reeve site add NAME user@host" />
            </>
          )}
        </Empty>
      )}
      {sites
        ?.filter((s) => s.alarm)
        .map((s) => (
          <Notice key={s.name} tone="bad" icon="warn" title={<><Link to={site_path(s.name)}>{visible(s.name, 64)}</Link>: <Text of={s.alarm} /></>}>
            <p>{w.alarm_fix}</p>
          </Notice>
        ))}
      {sites && sites.length > 0 && (
        <table class="rows sites-table" role="table">
          <caption class="unseen">{words.sites}</caption>
          <thead role="rowgroup">
            <tr role="row">
              <th scope="col" role="columnheader">{w.col_site}</th>
              <th scope="col" role="columnheader">{w.col_health}</th>
              <th scope="col" role="columnheader">{w.use}</th>
              <th scope="col" role="columnheader" class="num">{w.col_running}</th>
              <th scope="col" role="columnheader" class="num wide-cell">{w.col_disk}</th>
              <th scope="col" role="columnheader" class="wide-cell">{w.col_link}</th>
              <th scope="col" role="columnheader" class="num wide-cell">{w.col_seen}</th>
            </tr>
          </thead>
          <tbody role="rowgroup">
            {sites.map((s) => (
              <Row key={s.name} of={s} />
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}
