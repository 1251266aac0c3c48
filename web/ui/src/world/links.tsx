// SPDX-License-Identifier: Apache-2.0
// links.tsx - what is known of the links between sites: a matrix from site to site, a map, and what admins allow.

import { useEffect, useState } from "preact/hooks";
import { Ago, Empty, Failure, Section, Text, Toast } from "../parts/basic";
import { Ask } from "../parts/dialog";
import { use_dependent } from "../dependent";
import { bytes, count, seconds, shell_word, visible } from "../format";
import { Watch } from "../live";
import { Link, query, query_set } from "../router";
import { words } from "../strings";
import type { Page, Site } from "../types";
import { WorldMap } from "./map";
import { is_admin, voice_of } from "./may";
import { Table, Take, type Column } from "./table";
import type { LinkInfo } from "./types";
import { w } from "./words";

const MATRIX_MAX = 16; // more sites than this are a list only

const name_of = (l: LinkInfo) => `${l.from ?? w.outside} → ${l.to ?? w.outside}`;
export const busy_first = (links: LinkInfo[]) => [...links].sort((a, b) => b.active - a.active || b.promised - a.promised || b.bytes - a.bytes);

// "20M", "1.5 GiB", "" for no limit: bytes in a second.
export function rate_read(text: string): number | null | undefined {
  const t = text.trim();
  if (t === "") return null;
  const m = /^(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?(?:\/s)?$/i.exec(t);
  return m ? Math.round(Number(m[1]) * 1024 ** " kmgt".indexOf((m[2] || " ").toLowerCase())) : undefined;
}

export function BudgetForm({ of: l, close }: { of: LinkInfo; close: (acted: boolean) => void }) {
  const voice = voice_of(l.from, l.to) ?? "";
  const had = l[`${voice}budget`];
  const [budget, set_budget] = useState(had ? bytes(had) : "");
  const [most, set_most] = useState(String(l[`${voice}max_active`] ?? ""));
  const [direct, set_direct] = useState(l.direct === true);
  const read = rate_read(budget);
  const body = { [`${voice}budget`]: read ?? null, [`${voice}max_active`]: most.trim() ? Number(most) : null, ...(voice === "to_" ? {} : { direct }) };
  const option = voice.replace("_", "-");
  const wrong = read === undefined || (most.trim() !== "" && !/^\d{1,6}$/.test(most.trim()));
  const pair = `${encodeURIComponent(l.from ?? "")}/${encodeURIComponent(l.to ?? "")}`;
  return (
    <Ask
      of={{
        title: w.budget_title(visible(name_of(l), 130)),
        text: (
          <>
            <p>{w.budget_text}</p>
            {voice && <p>{w.budget_of_end(visible((voice === "to_" ? l.to : l.from) ?? "", 64))}</p>}
          </>
        ),
        yes: w.budget_yes,
        call: { method: "PATCH", path: `/v1/links/${pair}`, body },
        command: ["reeve", "link", "set", l.from ?? "", l.to ?? "", `--${option}budget`, String(read || "none"), `--${option}at-once`, most.trim() || "none", ...(voice === "to_" ? [] : ["--direct", direct ? "yes" : "no"])].map(shell_word).join(" "),
        done: () => w.budget_done,
        barred: wrong,
      }}
      close={close}
    >
      <label class="field">
        <span>{w.budget_field}</span>
        <input type="text" data-first maxLength={20} aria-invalid={read === undefined} value={budget} onInput={(e) => set_budget(e.currentTarget.value)} />
        <small>{w.budget_hint}</small>
      </label>
      <label class="field">
        <span>{w.most_field}</span>
        <input type="text" inputMode="numeric" maxLength={6} value={most} onInput={(e) => set_most(e.currentTarget.value)} />
        <small>{w.most_hint}</small>
      </label>
      {voice !== "to_" && (
        <label class="check">
          <input type="checkbox" checked={direct} onChange={(e) => set_direct(e.currentTarget.checked)} />
          {w.direct_field}
        </label>
      )}
    </Ask>
  );
}

export function LinkLine({ of: l, change }: { of: LinkInfo; change: (() => void) | null }) {
  const rest = l.rate && l.promised > 0 ? l.promised / l.rate : null;
  return (
    <li>
      <b>
        <Text of={name_of(l)} max={140} />
      </b>
      <span>{w.link_active(count(l.active))}</span>
      <span>{w.link_promised(bytes(l.promised))}</span>
      <span>{l.rate ? w.rate(bytes(l.rate)) : w.rate_unknown}</span>
      {rest !== null && <span>{w.left(seconds(rest))}</span>}
      {l.budget !== null && <span class="muted">{w.link_budget(bytes(l.budget))}</span>}
      {change && (
        <button type="button" class="quiet" onClick={change}>
          {w.change_link} <span class="unseen">{name_of(l)}</span>
        </button>
      )}
    </li>
  );
}

// Of what admins and both ends say the smallest counts.
function least(l: LinkInfo, what: "budget" | "max_active"): number | null {
  const said = [l[what], l[`from_${what}`], l[`to_${what}`]].filter((n): n is number => typeof n === "number");
  return said.length ? Math.min(...said) : null;
}

function columns_of(change: ((l: LinkInfo) => void) | null): Column<LinkInfo>[] {
  return [
    { name: "link", word: w.col_link, value: (l) => name_of(l), cell: (l) => <Text of={name_of(l)} max={140} /> },
    { name: "rate", word: w.col_rate, num: true, value: (l) => l.rate, cell: (l) => (l.rate ? w.rate(bytes(l.rate)) : <span class="muted">{w.rate_unknown}</span>) },
    { name: "latency", word: w.col_latency, num: true, value: (l) => l.latency, cell: (l) => seconds(l.latency) },
    { name: "bytes", word: w.col_moved, num: true, value: (l) => l.bytes, cell: (l) => (<>{bytes(l.bytes)}<span class="sub">{w.transfers_n(count(l.transfers))}</span></>) },
    { name: "now", word: w.col_now, num: true, value: (l) => l.active, cell: (l) => (<>{count(l.active)}{l.promised > 0 && <span class="sub">{w.link_promised(bytes(l.promised))}</span>}</>) },
    {
      name: "allowed",
      word: w.col_allowed,
      wide: true,
      value: (l) => least(l, "budget"),
      cell: (l) => (
        <>
          {least(l, "budget") === null ? w.no_budget : w.rate(bytes(least(l, "budget")!))}
          <span class="sub">
            {least(l, "max_active") === null ? "" : w.most(count(least(l, "max_active")!))} {l.direct ? w.direct : ""}
          </span>
        </>
      ),
    },
    { name: "learned", word: w.col_learned, num: true, wide: true, value: (l) => l.learned_at, cell: (l) => <Ago at={l.learned_at} /> },
    ...(change
      ? [
          {
            name: "act",
            word: "",
            num: true,
            whole: true,
            cell: (l: LinkInfo) =>
              l.from && l.to && voice_of(l.from, l.to) !== null ? (
                <button type="button" class="quiet" onClick={() => change(l)}>
                  {w.change_link} <span class="unseen">{name_of(l)}</span>
                </button>
              ) : null,
          },
        ]
      : []),
  ];
}

// How good a link is, of all of them: a mark beside the figure, so that a slow one is found at a glance.
function grade(rate: number | null, all: number[]): string {
  if (!rate || all.length < 2) return "";
  const [least, most] = [Math.log(Math.min(...all)), Math.log(Math.max(...all))];
  return most > least ? `g${Math.round((4 * (Math.log(rate) - least)) / (most - least))}` : "";
}

function Matrix({ sites, links, choose }: { sites: string[]; links: LinkInfo[]; choose: ((from: string, to: string) => void) | null }) {
  const by_pair = new Map(links.map((l) => [`${l.from}\n${l.to}`, l]));
  const rates = links.flatMap((l) => (l.rate ? [l.rate] : []));
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={w.matrix_lead}>
      <table class="rows matrix">
        <caption class="unseen">{w.matrix}</caption>
        <thead>
          <tr>
            <th scope="col">{w.matrix_corner}</th>
            {sites.map((s) => (
              <th key={s} scope="col">
                <Text of={s} max={24} />
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {sites.map((from) => (
            <tr key={from}>
              <th scope="row">
                <Text of={from} max={64} />
              </th>
              {sites.map((to) => {
                const l = by_pair.get(`${from}\n${to}`);
                if (from === to) return <td key={to} class="self" aria-label={w.same_site} />;
                const told = (
                  <>
                    <b>{l?.rate ? w.rate(bytes(l.rate)) : "–"}</b>
                    {l?.latency ? <span class="sub">{seconds(l.latency)}</span> : null}
                    {l && l.active > 0 ? <span class="sub">{w.link_active(count(l.active))}</span> : null}
                    {l?.budget ? <span class="sub">≤ {w.rate(bytes(l.budget))}</span> : null}
                  </>
                );
                return (
                  <td key={to} class={grade(l?.rate ?? null, rates)}>
                    {choose ? (
                      <button type="button" class="cell" title={`${from} → ${to}`} onClick={() => choose(from, to)}>
                        {told}
                      </button>
                    ) : (
                      told
                    )}
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

const unknown_link = (from: string, to: string): LinkInfo => ({
  from, to, rate: null, latency: null, weight: 0, learned_at: null, budget: null, max_active: null, direct: null, transfers: 0, bytes: 0, active: 0, promised: 0,
});

/** All links, or those of the site that the address names; as many as one page of the list has. */
export function Links() {
  const only = query.value.get("site");
  return <LinksOf key={only} only={only} />;
}

function LinksOf({ only }: { only: string | null }) {
  const [watch] = useState(() => new Watch<Page<LinkInfo>>(`/v1/links?limit=1000${only ? `&site=${encodeURIComponent(only)}` : ""}`, ["data", "sites"]));
  useEffect(() => {
    document.title = `${words.links} – ${words.product}`;
    return watch.start();
  }, []);
  const { data: site_page } = use_dependent<Page<Site>>("/v1/sites", watch.data.value);
  const [asked, set_asked] = useState<LinkInfo | null>(null);
  const links = watch.data.value?.items;
  const problem = watch.problem.value;
  if (!links) return problem ? <Failure problem={problem} /> : <p class="boot">{words.loading}</p>;
  const sites = site_page?.items ?? [];
  const names = sites.length ? sites.map((s) => s.name) : [...new Set(links.flatMap((l) => [l.from, l.to]))].filter((n): n is string => n !== null);
  const shown = busy_first(links);
  const choose = (from: string, to: string) => set_asked(links.find((l) => l.from === from && l.to === to) ?? unknown_link(from, to));
  const columns = columns_of(links.some((l) => voice_of(l.from, l.to) !== null) ? set_asked : null);
  return (
    <div class="home">
      {problem && <Toast problem={problem} />}
      <h1 class="unseen">{words.links}</h1>
      <WorldMap sites={sites} links={links} only={only} changed={() => watch.refresh()} />
      {names.length > 1 && names.length <= MATRIX_MAX && (
        <Section id="matrix" title={w.matrix} aside={<span class="muted">{is_admin() ? w.matrix_lead_admin : w.matrix_lead}</span>}>
          <Matrix sites={names} links={links} choose={is_admin() ? choose : null} />
        </Section>
      )}
      <Section
        id="links"
        title={only ? w.links_of(visible(only, 64)) : w.links_list}
        aside={
          <>
            {only && (
              <button type="button" class="quiet" onClick={() => query_set({ site: null })}>
                {w.clear}
              </button>
            )}
            <Take name="links" path="/v1/links" columns={columns} command="reeve data links" />
          </>
        }
      >
        {shown.length === 0 ? (
          <Empty title={w.links_none}>
            <p>{w.links_none_fix}</p>
            <Link to="/data">{words.data}</Link>
          </Empty>
        ) : (
          <>
            <Table caption={words.links} columns={columns} items={shown} id={(l) => `${l.from} ${l.to}`} look="links-table" />
            {watch.data.value?.next_cursor && <p class="muted">{w.links_more}</p>}
          </>
        )}
      </Section>
      {asked && (
        <BudgetForm
          of={asked}
          close={(acted) => {
            set_asked(null);
            if (acted) watch.refresh();
          }}
        />
      )}
    </div>
  );
}
