// SPDX-License-Identifier: Apache-2.0
// transfers.tsx - data on its way: how far, how fast, how long still; what failed and why; the links that are busy.

import { useEffect, useMemo, useState } from "preact/hooks";
import { path_of } from "../api";
import { Ago, Badge, Command, Empty, Failure, Section, Text, Toast } from "../parts/basic";
import { Ask } from "../parts/dialog";
import { bytes, count, seconds, shell_word, visible } from "../format";
import { Watch } from "../live";
import { Link, query, query_set, query_with } from "../router";
import type { IconName, Tone } from "../states";
import { words } from "../strings";
import type { Page } from "../types";
import { CallTrouble, use_following } from "./call";
import { data_path } from "./datasets";
import { BudgetForm, busy_first, LinkLine } from "./links";
import { may_write, voice_of } from "./may";
import { Table, Take, type Column } from "./table";
import type { LinkInfo, Transfer } from "./types";
import { w } from "./words";

const PAGE = 50;
const BUSY_MAX = 8;
const STATES = ["queued", "active", "verifying", "done", "failed", "cancelled"];
const OPEN = ["queued", "active", "verifying"];

const looks: Record<string, [IconName, Tone]> = {
  queued: ["clock", "calm"],
  active: ["down", "busy"],
  verifying: ["search", "busy"],
  done: ["check", "good"],
  failed: ["cross", "bad"],
  cancelled: ["ban", "done"],
};

function TransferState({ of: t }: { of: Transfer }) {
  const [icon, tone] = looks[t.state] ?? ["question", "calm"];
  return (
    <>
      <Badge icon={icon} tone={tone}>
        {w.transfer_states[t.state] ?? visible(t.state, 20)}
      </Badge>
      {t.tries > 1 && <span class="muted"> {w.tries(count(t.tries))}</span>}
      {t.message && (
        <span class="sub">
          <Text of={t.message} max={240} />
        </span>
      )}
    </>
  );
}

function Far({ of: t }: { of: Transfer }) {
  return (
    <>
      {w.sent(bytes(t.bytes), bytes(t.total))}
      {OPEN.includes(t.state) && (
        <span class="track thin" aria-hidden="true">
          <i style={{ width: `${t.total > 0 ? Math.min(100, (100 * t.bytes) / t.total) : 0}%` }} />
        </span>
      )}
      <span class="sub">{w.files_n(count(t.files))}</span>
    </>
  );
}

function columns_of(cancel: ((t: Transfer) => void) | null): Column<Transfer>[] {
  return [
    {
      name: "dataset",
      word: w.col_name,
      value: (t) => t.dataset,
      cell: (t) => (
        <>
          <Link to={data_path(t.dataset)} class="whole">
            <Text of={t.dataset} max={100} />
          </Link>
          <span class="sub">
            {w.transfer_no(t.id)} · <Text of={w.transfer_why(t.why, t.asked_by)} max={100} />
          </span>
        </>
      ),
    },
    {
      name: "way",
      word: w.col_way,
      value: (t) => `${t.from ?? ""} ${t.to ?? ""}`,
      cell: (t) => (
        <>
          <Text of={t.from ?? w.outside} max={64} /> → <Text of={t.to} max={64} />
          {t.way && <span class="sub">{w.ways[t.way] ?? visible(t.way, 20)}</span>}
        </>
      ),
    },
    { name: "state", word: w.col_state, whole: true, value: (t) => t.state, cell: (t) => <TransferState of={t} /> },
    { name: "bytes", word: w.col_moved, num: true, value: (t) => t.bytes, cell: (t) => <Far of={t} /> },
    {
      name: "rate",
      word: w.col_rate,
      num: true,
      value: (t) => t.rate,
      cell: (t) => (
        <>
          {t.rate ? w.rate(bytes(t.rate)) : "–"}
          {t.eta !== null && t.eta !== undefined && <span class="sub">{w.left(seconds(t.eta))}</span>}
        </>
      ),
    },
    {
      name: "asked_at",
      word: w.col_asked,
      num: true,
      value: (t) => t.asked_at,
      cell: (t) => (
        <>
          <Ago at={t.ended_at ?? t.asked_at} />
          {t.not_before && OPEN.includes(t.state) && <span class="sub">{w.not_before(new Date(t.not_before).toLocaleTimeString())}</span>}
        </>
      ),
    },
    ...(cancel
      ? [
          {
            name: "act",
            word: "",
            num: true,
            whole: true,
            cell: (t: Transfer) =>
              OPEN.includes(t.state) ? (
                <button type="button" class="quiet" onClick={() => cancel(t)} aria-label={w.cancel_transfer(t.id)}>
                  {words.cancel}
                </button>
              ) : null,
          },
        ]
      : []),
  ];
}

// What went wrong, most frequent first: numbers in a message do not make another cause.
function causes_of(items: Transfer[]): { cause: string; n: number; last: Transfer }[] {
  const by_cause = new Map<string, { cause: string; n: number; last: Transfer }>();
  for (const t of items) {
    if (t.state !== "failed" && !(t.tries > 1 && t.message)) continue;
    const cause = (t.message ?? w.cause_unknown).replace(/\d+(\.\d+)?/g, "…");
    const c = by_cause.get(cause) ?? { cause, n: 0, last: t };
    c.n++;
    by_cause.set(cause, c);
  }
  return [...by_cause.values()].sort((a, b) => b.n - a.n);
}

function Causes({ of: items }: { of: Transfer[] }) {
  const causes = causes_of(items);
  if (causes.length === 0) return null;
  return (
    <details class="causes">
      <summary>{w.causes(count(causes.reduce((n, c) => n + c.n, 0)))}</summary>
      <ul>
        {causes.slice(0, 10).map((c) => (
          <li key={c.cause}>
            <b>{count(c.n)}</b> <Text of={c.cause} max={300} /> <span class="muted">{w.cause_last(`${c.last.from ?? w.outside} → ${c.last.to ?? "?"}`)}</span>
          </li>
        ))}
      </ul>
    </details>
  );
}

type Filter = Partial<Record<"dataset" | "site" | "state", string>>;

function List({ filter, cursor }: { filter: Filter; cursor: string | null }) {
  const [watch] = useState(() => new Watch<Page<Transfer>>(path_of("/v1/transfers", { ...filter, cursor, limit: PAGE }), ["data"]));
  useEffect(() => watch.start(), []);
  const [asked, set_asked] = useState<Transfer | null>(null);
  const calls = use_following(() => watch.refresh());
  const page = watch.data.value;
  const problem = watch.problem.value;
  if (!page) return problem ? <Failure problem={problem} /> : <p class="empty">{words.loading}</p>;
  return (
    <>
      {problem && <Toast problem={problem} />}
      <CallTrouble of={calls} />
      <Causes of={page.items} />
      {page.items.length === 0 ? (
        <Empty title={Object.keys(filter).length ? w.transfers_none_match : w.transfers_none}>
          {Object.keys(filter).length ? <Link to="/transfers">{w.clear}</Link> : <p>{w.transfers_none_fix}</p>}
          {!Object.keys(filter).length && <Command line="reeve data copy DATASET SITE" />}
        </Empty>
      ) : (
        <Table caption={words.transfers} columns={columns_of(may_write() ? set_asked : null)} items={page.items} id={(t) => t.id} look="transfers" />
      )}
      <nav class="pager" aria-label={words.pages_of_list}>
        {cursor && <Link to={query_with({ cursor: null })}>{w.newest}</Link>}
        {page.next_cursor && <Link to={query_with({ cursor: page.next_cursor })}>{w.older}</Link>}
      </nav>
      {asked && (
        <Ask
          of={{
            title: w.cancel_transfer_title(asked.id),
            text: <p>{w.cancel_transfer_text}</p>,
            yes: w.cancel_transfer_yes,
            danger: true,
            call: { method: "POST", path: `/v1/transfers/${asked.id}/cancel`, body: {} },
            command: `reeve data cancel ${asked.id}`,
          }}
          close={(acted, reply) => {
            set_asked(null);
            if (acted) calls.follow(reply, w.transfer_cancelled);
          }}
        />
      )}
    </>
  );
}

function BusyLinks() {
  const [watch] = useState(() => new Watch<Page<LinkInfo>>("/v1/links?busy=true", ["data"]));
  const [asked, set_asked] = useState<LinkInfo | null>(null);
  useEffect(() => watch.start(), []);
  const busy = busy_first(watch.data.value?.items ?? []).filter((l) => l.active > 0 || l.promised > 0);
  return (
    <Section id="busy" title={w.busy_links} aside={<Link to="/links">{w.all_links}</Link>}>
      {busy.length === 0 ? (
        <p class="muted">{w.busy_none}</p>
      ) : (
        <ul class="link-lines">
          {busy.slice(0, BUSY_MAX).map((l) => (
            <LinkLine key={`${l.from} ${l.to}`} of={l} change={voice_of(l.from, l.to) !== null ? () => set_asked(l) : null} />
          ))}
        </ul>
      )}
      {asked && (
        <BudgetForm
          of={asked}
          close={(acted) => {
            set_asked(null);
            if (acted) watch.refresh();
          }}
        />
      )}
    </Section>
  );
}

export function Transfers() {
  useEffect(() => {
    document.title = `${words.transfers} – ${words.product}`;
  }, []);
  const text = query.value.toString();
  const filter = useMemo(() => {
    const f: Filter = {};
    for (const n of ["dataset", "site", "state"] as const) if (query.value.get(n)) f[n] = query.value.get(n)!.slice(0, 200);
    return f;
  }, [text]);
  const cursor = query.value.get("cursor");
  const [dataset, set_dataset] = useState(filter.dataset ?? "");
  const [site, set_site] = useState(filter.site ?? "");
  const options = Object.entries(filter).flatMap(([n, v]) => [`--${n}`, v]);
  const search = (e: SubmitEvent) => {
    e.preventDefault();
    query_set({ dataset: dataset.trim(), site: site.trim(), cursor: null });
  };
  return (
    <div class="home">
      <BusyLinks />
      <section class="panel" aria-labelledby="transfers-title">
        <header>
          <h1 id="transfers-title">{words.transfers}</h1>
          <Take name="transfers" path={path_of("/v1/transfers", { ...filter, limit: 1000 })} columns={columns_of(null)} command={["reeve", "data", "transfers", ...options].map(shell_word).join(" ")} />
        </header>
        <form class="sieve" role="search" onSubmit={search}>
          <label>
            <span>{w.col_name}</span>
            <input type="search" maxLength={200} spellcheck={false} value={dataset} onInput={(e) => set_dataset(e.currentTarget.value)} />
          </label>
          <label>
            <span>{w.col_site}</span>
            <input type="search" maxLength={64} spellcheck={false} value={site} onInput={(e) => set_site(e.currentTarget.value)} />
          </label>
          <label>
            <span>{w.col_state}</span>
            <select value={filter.state ?? ""} onChange={(e) => query_set({ state: e.currentTarget.value, cursor: null })}>
              <option value="">{words.all}</option>
              {STATES.map((s) => (
                <option key={s} value={s}>
                  {w.transfer_states[s]}
                </option>
              ))}
            </select>
          </label>
          <button>{words.go}</button>
        </form>
        <List key={JSON.stringify([filter, cursor])} filter={filter} cursor={cursor} />
      </section>
    </div>
  );
}
