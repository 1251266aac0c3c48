// SPDX-License-Identifier: Apache-2.0
// more.tsx - of one site: what lies there and what room there is, what runs there, its links, and who governs it.

import { useState } from "preact/hooks";
import { me, path_of } from "../api";
import { Meter } from "../parts/bars";
import { Ago, Command, JobState, Section, Text } from "../parts/basic";
import { Ask, type Question } from "../parts/dialog";
import { use_dependent } from "../dependent";
import { bytes, count, seconds, shell_word, visible } from "../format";
import { Link } from "../router";
import type { Job, Page, Site } from "../types";
import type { DataInfo, LinkInfo } from "../world/types";
import { amount_of, Field, list_of } from "./fields";
import { w } from "./words";

const SHOWN = 6;
const api_path = (s: Site) => `/v1/sites/${encodeURIComponent(s.name)}`;

function DataForm({ of: s, close }: { of: Site; close: (acted: boolean) => void }) {
  const [accept, set_accept] = useState(s.data?.accept !== false);
  const [quota, set_quota] = useState(s.data?.quota ? String(s.data.quota) : "");
  const [labels, set_labels] = useState((s.labels ?? []).join(", "));
  const body = { labels: list_of(labels), data: { accept, quota: quota.trim() ? amount_of(quota) : null } };
  const question: Question = { title: w.data_change, text: null, yes: w.data_change, call: { method: "PATCH", path: api_path(s), body }, done: () => w.rules_saved };
  return (
    <Ask of={question} close={close}>
      <label class="check">
        <input type="checkbox" checked={accept} onChange={(e) => set_accept(e.currentTarget.checked)} data-first />
        {w.data_accept}
      </label>
      <Field label={w.data_quota} hint={w.data_quota_hint} value={quota} set={set_quota} />
      <Field label={w.data_labels} hint={w.data_labels_hint} value={labels} set={set_labels} />
    </Ask>
  );
}

export function Data({ of: s, governs, done }: { of: Site; governs: boolean; done: () => void }) {
  const [asked, set_asked] = useState(false);
  const { data } = use_dependent<Page<DataInfo>>(path_of("/v1/datasets", { site: s.name, limit: SHOWN }), s);
  const items = data?.items ?? [];
  const room = s.data;
  return (
    <Section
      id="data"
      title={w.data}
      aside={
        <>
          <Link to={`/data?site=${encodeURIComponent(s.name)}`}>{w.data_all}</Link>
          {governs && (
            <button type="button" onClick={() => set_asked(true)}>
              {w.data_change}
            </button>
          )}
        </>
      }
    >
      {room?.accept === false ? <p class="muted">{w.data_refused}</p> : room?.limit ? <Meter label={w.data_room} used={room.used ?? 0} all={room.limit} text={w.data_of(bytes(room.used ?? 0), bytes(room.limit))} /> : <p class="muted">{w.data_unknown}</p>}
      {room?.evictable ? <p class="muted">{w.data_evictable(bytes(room.evictable))}</p> : null}
      {(s.labels ?? []).length > 0 && (
        <p class="muted">
          {w.data_labels}: <Text of={(s.labels ?? []).join(", ")} max={300} />
        </p>
      )}
      {items.length === 0 ? (
        <p class="muted">{w.data_none}</p>
      ) : (
        <ul class="mine">
          {items.map((d) => (
            <li key={d.name}>
              <div class="mine-line">
                <Link to={`/data/${encodeURIComponent(d.name)}`} class="whole">
                  <Text of={d.name} max={80} />
                </Link>
                <span class="grow" />
                <span class="num muted">{bytes(d.bytes)}</span>
              </div>
            </li>
          ))}
        </ul>
      )}
      {asked && (
        <DataForm
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

export function Jobs({ of: s }: { of: Site }) {
  const { data } = use_dependent<Page<Job>>(path_of("/v1/jobs", { site: s.name, limit: SHOWN }), s);
  const items = data?.items ?? [];
  return (
    <Section id="jobs-here" title={w.jobs_here} aside={<Link to={`/jobs?site=${encodeURIComponent(s.name)}`}>{w.jobs_all}</Link>}>
      {items.length === 0 ? (
        <p class="muted">{w.jobs_none}</p>
      ) : (
        <ul class="mine">
          {items.map((j) => (
            <li key={j.id}>
              <div class="mine-line">
                <Link to={`/jobs/${j.id}`} class="whole">
                  <span class="id">{j.id}</span> <Text of={j.name} max={80} />
                </Link>
                <span class="grow" />
                <JobState of={j} />
                <span class="num muted">
                  <Ago at={j.submitted_at} />
                </span>
              </div>
            </li>
          ))}
        </ul>
      )}
    </Section>
  );
}

export function Links({ of: s }: { of: Site }) {
  const { data } = use_dependent<Page<LinkInfo>>(path_of("/v1/links", { site: s.name }), s);
  const own = (data?.items ?? []).filter((l) => (l.from === s.name || l.to === s.name) && l.from !== l.to);
  return (
    <Section id="links" title={w.site_links} aside={<Link to="/links">{w.links_all}</Link>}>
      {own.length === 0 ? (
        <p class="muted">{w.links_none}</p>
      ) : (
        <ul class="mine">
          {own.slice(0, 2 * SHOWN).map((l) => (
            <li key={`${l.from} ${l.to}`}>
              <div class="mine-line">
                <Text of={l.from === s.name ? w.link_to(visible(l.to ?? "–", 64)) : w.link_from(visible(l.from ?? "–", 64))} max={120} />
                <span class="grow" />
                <span class="num">{l.rate === null ? w.link_unknown : `${bytes(l.rate)}/s`}</span>
                <span class="num muted">{l.latency === null ? "" : seconds(l.latency)}</span>
                {l.active > 0 && <span class="muted">{w.link_active(count(l.active))}</span>}
              </div>
            </li>
          ))}
        </ul>
      )}
    </Section>
  );
}

interface Governor {
  user: string;
  by: string | null;
  at: string | null;
}

export function Admins({ of: s }: { of: Site }) {
  const [turn, set_turn] = useState(0);
  const [asked, set_asked] = useState<"add" | Governor | null>(null);
  const [user, set_user] = useState("");
  const { data } = use_dependent<Page<Governor>>(`${api_path(s)}/admins`, turn);
  const names = me.value?.role === "admin";
  const close = (acted: boolean) => {
    set_asked(null);
    set_user("");
    if (acted) set_turn((n) => n + 1);
  };
  const items = data?.items ?? [];
  return (
    <Section
      id="site-admins"
      title={w.admins}
      aside={
        names && (
          <button type="button" onClick={() => set_asked("add")}>
            {w.admin_add}
          </button>
        )
      }
    >
      {items.length === 0 && <p class="muted">{w.admins_none}</p>}
      <ul class="mine">
        {items.map((g) => (
          <li key={g.user}>
            <div class="mine-line">
              <b>
                <Text of={g.user} max={64} />
              </b>
              <span class="grow" />
              {names && (
                <button type="button" class="quiet" onClick={() => set_asked(g)}>
                  {w.admin_remove}
                </button>
              )}
            </div>
          </li>
        ))}
      </ul>
      <Command line={`reeve api ${shell_word(`${api_path(s)}/admins`)}`} />
      {asked === "add" && (
        <Ask of={{ title: w.admin_add, text: <p>{w.admin_text}</p>, yes: w.admin_add, call: { method: "POST", path: `${api_path(s)}/admins`, body: { user: user.trim() } }, barred: !user.trim() }} close={close}>
          <Field label={w.admin_name} value={user} set={set_user} data-first />
        </Ask>
      )}
      {asked && asked !== "add" && <Ask of={{ title: w.admin_remove, text: <p>{w.admin_remove_text}</p>, yes: w.admin_remove, danger: true, call: { method: "DELETE", path: `${api_path(s)}/admins/${encodeURIComponent(asked.user)}` } }} close={close} />}
    </Section>
  );
}
