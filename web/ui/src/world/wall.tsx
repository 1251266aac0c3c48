// SPDX-License-Identifier: Apache-2.0
// wall.tsx - the grid for a screen on the wall: large, read from afar, nothing to click but the way out.

import { useEffect, useState } from "preact/hooks";
import { Ago, Failure, State, Text } from "../parts/basic";
import { Icon } from "../parts/icon";
import { clock, count, visible } from "../format";
import { clock_set, link, tick, Watch } from "../live";
import { go, Link } from "../router";
import { look_of_job } from "../states";
import { words } from "../strings";
import type { Overview, Site } from "../types";
import { w } from "./words";
import "./style";

const SITES_MAX = 24;
const JOBS_MAX = 8;

function Big({ value, label, tone = "" }: { value: string; label: string; tone?: string }) {
  return (
    <div class={`big ${tone}`}>
      <dt>{label}</dt>
      <dd>{value}</dd>
    </div>
  );
}

function SiteTile({ of: s }: { of: Site }) {
  const all = s.capacity?.cpus ?? 0;
  const used = s.used?.cpus ?? 0;
  return (
    <li class={s.health === "up" ? "" : "trouble"}>
      <b>
        <Text of={s.name} max={40} />
      </b>
      <State machine="health" of={s.health} />
      {s.intent !== "open" && <State machine="intent" of={s.intent} />}
      <span class="track" aria-hidden="true">
        <i style={{ width: `${all > 0 ? (100 * used) / all : 0}%` }} />
      </span>
      <span class="muted">{words.of_cpus(count(used), count(all))}</span>
    </li>
  );
}

export function Wall() {
  const [watch] = useState(() => new Watch<Overview>("/v1/overview", ["overview"], (o) => clock_set(o.now)));
  useEffect(() => {
    document.title = `${words.wall} – ${words.product}`;
    const leave = (e: KeyboardEvent) => e.key === "Escape" && go("/");
    addEventListener("keydown", leave);
    const stop = watch.start();
    return () => {
      removeEventListener("keydown", leave);
      stop();
    };
  }, []);
  const o = watch.data.value;
  const problem = watch.problem.value;
  const stale = link.value.state === "retrying";
  return (
    <div class={`wall ${stale ? "old" : ""}`}>
      <header>
        <h1>{words.product}</h1>
        <time>{clock(tick.value)}</time>
        {stale && (
          <strong class="bad">
            <Icon name="warn" /> {words.link_stale(clock(link.value.state === "retrying" ? link.value.since : 0))}
          </strong>
        )}
        <Link to="/" class="wall-out">
          {w.wall_out}
        </Link>
      </header>
      {!o && (problem ? <Failure problem={problem} /> : <p class="boot">{words.loading}</p>)}
      {o && (
        <>
          <dl class="bigs">
            <Big label={words.tasks_running} value={count(o.tasks.running)} tone="busy" />
            <Big label={words.tasks_waiting} value={count(o.tasks.ready)} tone="calm" />
            <Big label={words.jobs_active} value={count(o.jobs.active)} tone="calm" />
            <Big label={words.sites} value={w.wall_sites(o.sites.filter((s) => s.health === "up").length, o.sites.length)} tone={o.sites.every((s) => s.health === "up") ? "good" : "bad"} />
            <Big label={words.tasks_succeeded} value={count(o.tasks.succeeded_total)} tone="good" />
            <Big label={words.tasks_failed} value={count(o.tasks.failed_total)} tone={o.tasks.failed_total ? "bad" : "calm"} />
          </dl>
          {(o.engine.alive === false || !o.engine.leader) && <p class="wall-alarm">{words.engine_none}</p>}
          <ul class="wall-sites" aria-label={words.sites}>
            {o.sites.slice(0, SITES_MAX).map((s) => (
              <SiteTile key={s.name} of={s} />
            ))}
          </ul>
          <ul class="wall-jobs" aria-label={words.recent_jobs}>
            {o.recent_jobs.slice(0, JOBS_MAX).map((j) => {
              const { icon, tone, word } = look_of_job(j);
              const done = j.tasks.succeeded + j.tasks.failed + j.tasks.cancelled;
              return (
                <li key={j.id}>
                  <span class={`wall-mark ${tone}`}>
                    <Icon name={icon} /> {visible(word, 20)}
                  </span>
                  <span class="id">{j.id}</span>
                  <b>
                    <Text of={j.name} max={60} />
                  </b>
                  <span class="num">
                    {count(done)} / {count(j.tasks.total)}
                  </span>
                  <span class="muted">
                    <Ago at={j.submitted_at} />
                  </span>
                </li>
              );
            })}
          </ul>
        </>
      )}
    </div>
  );
}
