// SPDX-License-Identifier: Apache-2.0
// sites.tsx - each site as a card: does it answer, how full is it, and if it is in trouble, what to do.

import { useState } from "preact/hooks";
import { me } from "../api";
import { Ago, Command, Empty, Notice, Section, State, Text } from "./basic";
import { Meter } from "./bars";
import { bytes, count, shell_word, visible } from "../format";
import { look_of } from "../states";
import { Link } from "../router";
import { words } from "../strings";
import type { Site } from "../types";

// More cards than this push the jobs off the first screen; those in trouble are shown in any case.
const CARDS = 6;
const TROUBLE_MAX = 8;

const in_trouble = (s: Site) => Boolean(s.alarm) || ((s.health === "down" || s.health === "suspect") && s.intent !== "closed");

// The fullest disk decides: that one stops work first.
function tightest_disk(s: Site): { free: number; total: number } | null {
  const disks = (s.workers ?? []).filter((w) => w.disk_free !== null && w.disk_total);
  if (disks.length === 0) return null;
  const worst = disks.reduce((a, b) => ((a.disk_free ?? 0) <= (b.disk_free ?? 0) ? a : b));
  return { free: worst.disk_free ?? 0, total: worst.disk_total ?? 0 };
}

function last_seen(s: Site): string | null {
  const times = (s.workers ?? []).map((w) => w.seen_at).filter((t): t is string => t !== null && t !== undefined);
  return times.sort().pop() ?? null;
}

function Meters({ of: s }: { of: Site }) {
  const all = s.capacity ?? {};
  const used = s.used ?? {};
  const disk = tightest_disk(s);
  if (!all.cpus) return <p class="muted">{words.capacity_unknown}</p>;
  return (
    <>
      <Meter label={words.cpus} used={used.cpus ?? 0} all={all.cpus} text={words.bar_of(count(used.cpus ?? 0), count(all.cpus))} />
      {all.memory ? (
        <Meter label={words.memory} used={used.memory ?? 0} all={all.memory} text={words.bar_of(bytes(used.memory ?? 0), bytes(all.memory))} />
      ) : null}
      {all.gpus ? <Meter label={words.gpus} used={used.gpus ?? 0} all={all.gpus} text={words.bar_of(count(used.gpus ?? 0), count(all.gpus))} /> : null}
      {disk && <Meter label={words.disk} used={disk.total - disk.free} all={disk.total} text={words.disk_free(bytes(disk.free))} />}
    </>
  );
}

// What is wrong with a site, in one line, with the command to begin with. Above the cards, so that these stay alike.
function Trouble({ of: s }: { of: Site }) {
  const links = (s.workers ?? []).filter((w) => w.link !== "ready" && w.link_text);
  const { icon, tone, word } = look_of("health", s.health);
  return (
    <li>
      <Notice
        tone={s.alarm ? "bad" : tone}
        icon={s.alarm ? "warn" : icon}
        title={
          <>
            <Link to={site_path(s.name)}>
              <Text of={s.name} max={64} />
            </Link>
            : {s.alarm ? <Text of={s.alarm} /> : <Text of={s.health_text ?? word} />}
          </>
        }
      >
        <p class="muted">
          {s.alarm
            ? words.alarm
            : links.slice(0, 3).map((w) => (
                <span key={w.id}>
                  <Text of={w.host} max={80} />: <Text of={w.link_text} max={200} />{" "}
                </span>
              ))}
        </p>
      </Notice>
      <Command line={`reeve site ${s.alarm ? "pin" : "test"} ${shell_word(s.name)}`} />
    </li>
  );
}

const site_path = (name: string) => `/sites/${encodeURIComponent(name)}`;

function Card({ of: s }: { of: Site }) {
  const seen = last_seen(s);
  const why = s.intent_why ? `${visible(s.intent_why)} (${words.intent_by(visible(s.intent_by ?? "", 60))})` : "";
  return (
    <li class={`site ${in_trouble(s) ? "trouble" : ""}`}>
      <header>
        <h3>
          <Link to={site_path(s.name)}>
            <Text of={s.name} max={64} />
          </Link>
        </h3>
        {s.intent !== "open" && <State machine="intent" of={s.intent} title={why} />}
        <State machine="health" of={s.health} />
      </header>
      <Meters of={s} />
      <footer class="muted">
        <span>{words.running_tasks(count(s.used?.tasks ?? 0))}</span>
        <span>{seen ? <>{words.seen} <Ago at={seen} /></> : words.never_seen}</span>
      </footer>
    </li>
  );
}

export function Sites({ of: sites }: { of: Site[] }) {
  const [all, set_all] = useState(false);
  const few = sites.length <= CARDS + 2;
  const shown = all || few ? sites : sites.filter((s, i) => i < CARDS || in_trouble(s));
  const up = sites.filter((s) => s.health === "up").length;
  const trouble = sites.filter(in_trouble).slice(0, TROUBLE_MAX);
  const more = !few && (
    <button type="button" class="quiet" onClick={() => set_all(!all)} aria-expanded={all}>
      {all ? words.sites_show_few : words.sites_show_all(sites.length)}
    </button>
  );
  return (
    <Section id="sites" title={words.sites} aside={
        <>
          {sites.length > 0 && <span class="muted grow">{words.sites_up(up, sites.length)}</span>}
          {more}
        </>
      }
    >
      {sites.length === 0 ? (
        <Empty title={words.sites_none}>
          <p>{words.sites_none_fix}</p>
          {me.value?.role === "admin" && (
            <p>
              <Link to="/sites/new" class="button">
                {words.site_add}
              </Link>
            </p>
          )}
          <Command line="reeve site add NAME user@host" />
        </Empty>
      ) : (
        <>
          {trouble.length > 0 && (
            <ul class="troubles">
              {trouble.map((s) => (
                <Trouble key={s.name} of={s} />
              ))}
            </ul>
          )}
          <ul class="sites">
            {shown.map((s) => (
              <Card key={s.name} of={s} />
            ))}
          </ul>
        </>
      )}
    </Section>
  );
}
