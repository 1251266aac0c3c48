// SPDX-License-Identifier: Apache-2.0
// datasets.tsx - all datasets that one may see: what, how much, where, until when.

import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { path_of } from "../api";
import { Ago, Badge, Command, Empty, Failure, Text, Toast } from "../parts/basic";
import { Icon } from "../parts/icon";
import { use_dependent } from "../dependent";
import { bytes, count, shell_word, visible } from "../format";
import { use_keys } from "../keys";
import { Watch } from "../live";
import { go, Link, query, query_set, query_with } from "../router";
import { words } from "../strings";
import type { Page } from "../types";
import { may_write } from "./may";
import { Table, Take, type Column } from "./table";
import type { DataInfo } from "./types";
import { w } from "./words";

const PAGE = 50;
const FILTERS = ["name", "project", "site", "state", "policy", "expiring", "user"] as const;
type Filter = Partial<Record<(typeof FILTERS)[number], string>>;

export const data_path = (name: string) => `/data/${encodeURIComponent(name)}`;

export function DataState({ of: state }: { of: string }) {
  return state === "open" ? (
    <Badge icon="dots" tone="busy" title={w.open_help}>
      {w.open}
    </Badge>
  ) : (
    <Badge icon="lock" tone="good">
      {w.sealed}
    </Badge>
  );
}

// A moment that lies ahead.
export function Until({ at }: { at: string | null | undefined }) {
  return at ? <time dateTime={at}>{new Date(at).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" })}</time> : <>{w.never}</>;
}

const columns: Column<DataInfo>[] = [
  {
    name: "name",
    word: w.col_name,
    value: (d) => d.name,
    cell: (d) => (
      <Link to={data_path(d.name)} class="whole">
        <Text of={d.name} max={120} />
      </Link>
    ),
  },
  { name: "state", word: w.col_state, value: (d) => d.state, whole: true, cell: (d) => <DataState of={d.state} /> },
  { name: "bytes", word: w.col_size, num: true, value: (d) => d.bytes, cell: (d) => bytes(d.bytes) },
  { name: "files", word: w.col_files, num: true, wide: true, value: (d) => d.files, cell: (d) => count(d.files) },
  {
    name: "sites",
    word: w.col_where,
    value: (d) => d.sites.join(" "),
    cell: (d) => (d.sites.length ? <Text of={d.sites.slice(0, 6).join(", ") + (d.sites.length > 6 ? ` +${d.sites.length - 6}` : "")} max={160} /> : <span class="muted">{w.nowhere}</span>),
  },
  { name: "project", word: w.col_project, wide: true, value: (d) => d.project, cell: (d) => <Text of={d.project} max={60} /> },
  {
    name: "made",
    word: w.col_made,
    wide: true,
    value: (d) => d.made_at,
    cell: (d) => (
      <>
        <Ago at={d.made_at} />
        <span class="sub">{d.job ? <Link to={`/jobs/${d.job}`}>{w.lineage_made(String(d.job))}</Link> : <Text of={d.made_by} max={60} />}</span>
      </>
    ),
  },
  { name: "expires_at", word: w.col_expires, wide: true, value: (d) => d.expires_at, cell: (d) => <Until at={d.expires_at} /> },
];

const filter_of = (q: URLSearchParams): Filter => Object.fromEntries(FILTERS.flatMap((n) => (q.get(n) ? [[n, q.get(n)!.slice(0, 200)]] : [])));

// Names are found by how they begin.
const asked = (f: Filter) => ({ ...f, ...(f.name && !f.name.endsWith("*") ? { name: `${f.name}*` } : {}) });

// What the datasets that the filter lets through have in common, with counts.
interface Facet {
  value: string;
  datasets: number;
}
interface Facets {
  datasets: number;
  bytes: number;
  more: boolean;
  state: Facet[];
  project: Facet[];
  site: Facet[];
  policy: Facet[];
}

// A choice of values with how many there are of each; the chosen one stays in the list.
function Choice({ label, name, now, of: facets, words_of = {} }: { label: string; name: string; now: string | undefined; of: Facet[]; words_of?: Record<string, string> }) {
  const known = facets.some((f) => f.value === now) || !now ? facets : [{ value: now, datasets: 0 }, ...facets];
  return (
    <label>
      <span>{label}</span>
      <select value={now ?? ""} onChange={(e) => query_set({ [name]: e.currentTarget.value, cursor: null })}>
        <option value="">{words.all}</option>
        {known.map((f) => (
          <option key={f.value} value={f.value}>
            {`${words_of[f.value] ?? visible(f.value, 60)}${f.datasets ? ` (${count(f.datasets)})` : ""}`}
          </option>
        ))}
      </select>
    </label>
  );
}

// Labels as they are counted, and the two that stand for all and none.
function policies_of(facets: Facets | null): Facet[] {
  const told = facets?.policy ?? [];
  return [...["any", "none"].filter((v) => !told.some((t) => t.value === v)).map((value) => ({ value, datasets: 0 })), ...told];
}

function Filters({ of: f, facets }: { of: Filter; facets: Facets | null }) {
  const [name, set_name] = useState(f.name ?? "");
  useEffect(() => set_name(f.name ?? ""), [f.name]);
  const box = useRef<HTMLInputElement>(null);
  use_keys([{ key: "/", what: words.key_search, act: () => box.current?.focus() }]);
  const search = (e: SubmitEvent) => {
    e.preventDefault();
    query_set({ name: name.trim(), cursor: null });
  };
  return (
    <form class="sieve" role="search" onSubmit={search}>
      <label>
        <span>{w.data_find}</span>
        <input ref={box} type="search" placeholder={w.data_find_hint} maxLength={100} spellcheck={false} autocomplete="off" value={name} onInput={(e) => set_name(e.currentTarget.value)} />
      </label>
      <Choice label={w.col_site} name="site" now={f.site} of={facets?.site ?? []} />
      <Choice label={w.col_state} name="state" now={f.state} of={facets?.state ?? []} words_of={{ sealed: w.sealed, open: w.open }} />
      <Choice label={w.col_project} name="project" now={f.project} of={facets?.project ?? []} />
      <label>
        <span>{w.col_expires}</span>
        <select value={f.expiring ?? ""} onChange={(e) => query_set({ expiring: e.currentTarget.value, cursor: null })}>
          <option value="">{words.all}</option>
          <option value="1d">{w.expiring_day}</option>
          <option value="7d">{w.expiring_week}</option>
          <option value="30d">{w.expiring_month}</option>
        </select>
      </label>
      <Choice label={w.fact_policy} name="policy" now={f.policy} of={policies_of(facets)} words_of={{ any: w.policy_some, none: w.policy_any }} />
      <button aria-label={words.key_search}>
        <Icon name="search" />
      </button>
    </form>
  );
}

function List({ filter, cursor }: { filter: Filter; cursor: string | null }) {
  const [watch] = useState(() => new Watch<Page<DataInfo>>(path_of("/v1/datasets", { ...asked(filter), cursor, limit: PAGE }), ["data"]));
  useEffect(() => watch.start(), []);
  const page = watch.data.value;
  const problem = watch.problem.value;
  const some = Object.keys(filter).length > 0;
  // A filter looks at a bounded number at a time; an empty page with more behind it is not the end.
  useEffect(() => {
    if (page && page.items.length === 0 && page.next_cursor) go(query_with({ cursor: page.next_cursor }), "replace");
  }, [page]);
  if (!page) return problem ? <Failure problem={problem} /> : <p class="empty">{words.loading}</p>;
  return (
    <>
      {problem && <Toast problem={problem} />}
      {page.items.length === 0 ? (
        some || cursor ? (
          <Empty title={w.data_none_match}>
            <Link to="/data">{w.clear}</Link>
          </Empty>
        ) : (
          <Empty title={w.data_none}>
            <p>{w.data_none_fix}</p>
            <p>
              <Link to="/data:new" class="button">
                {w.new_data}
              </Link>
            </p>
            <Command line="reeve data add NAME SITE:/path" />
          </Empty>
        )
      ) : (
        <Table caption={words.data} columns={columns} items={page.items} id={(d) => d.name} look="datasets" />
      )}
      <nav class="pager" aria-label={words.pages_of_list}>
        {cursor && <Link to={query_with({ cursor: null })}>{w.newest}</Link>}
        {page.next_cursor && <Link to={query_with({ cursor: page.next_cursor })}>{w.older}</Link>}
      </nav>
    </>
  );
}

export function Datasets() {
  useEffect(() => {
    document.title = `${words.data} – ${words.product}`;
  }, []);
  const text = query.value.toString();
  const filter = useMemo(() => filter_of(query.value), [text]);
  const cursor = query.value.get("cursor");
  const { data: facets } = use_dependent<Facets>(path_of("/v1/datasets:facets", asked(filter)), text);
  const options = Object.entries(asked(filter)).flatMap(([n, v]) => [`--${n}`, v]);
  return (
    <section class="panel" aria-labelledby="data-title">
      <header>
        <h1 id="data-title">{words.data}</h1>
        <span class="muted grow">{facets && facets.datasets > 0 && `${w.datasets_n(count(facets.datasets), facets.more)}, ${bytes(facets.bytes)}`}</span>
        {may_write() && (
          <Link to="/data:new" class="button">
            <Icon name="plus" /> {w.new_data}
          </Link>
        )}
        <Take name="datasets" path={path_of("/v1/datasets", { ...asked(filter), limit: 1000 })} columns={columns} command={["reeve", "data", "list", ...options].map(shell_word).join(" ")} />
      </header>
      <Filters of={filter} facets={facets} />
      <List key={JSON.stringify([filter, cursor])} filter={filter} cursor={cursor} />
    </section>
  );
}
