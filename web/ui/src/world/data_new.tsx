// SPDX-License-Identifier: Apache-2.0
// data_new.tsx - bring data into the grid: files of this computer, files that lie at a site, files of the web.

import { useEffect, useState } from "preact/hooks";
import { me, post, Problem } from "../api";
import { Command, Failure, Notice, Text } from "../parts/basic";
import { Icon } from "../parts/icon";
import { use_dependent } from "../dependent";
import { shell_word, visible } from "../format";
import { go, Link, query, query_set } from "../router";
import { words } from "../strings";
import type { Page, SiteCall } from "../types";
import { Choose } from "./arrival";
import { CallTrouble, use_following } from "./call";
import { data_path } from "./datasets";
import { is_admin } from "./may";
import { sender_start, type Chosen } from "./sender";
import type { DataOne } from "./types";
import { w } from "./words";

type Way = "upload" | "site" | "web";
const ways: [Way, string][] = [
  ["upload", w.way_upload],
  ["site", w.way_site],
  ["web", w.way_web],
];

interface Values {
  name: string;
  project: string;
  site: string;
  path: string;
  urls: string;
  new_version: boolean;
}

const urls_of = (text: string) => text.split(/\s+/).filter(Boolean);

function body_of(way: Way, v: Values): Record<string, unknown> {
  const common = { name: v.name.trim(), ...(v.project ? { project: v.project } : {}) };
  const version = v.new_version ? { new_version: true } : {};
  const site = v.site.trim() || null;
  if (way === "site") return { ...common, site: v.site.trim(), path: v.path.trim() };
  if (way === "web") return { ...common, ...version, fetch: { site, files: urls_of(v.urls).map((url) => ({ url })) }, seal: true };
  // The files are named by their first pieces: their number is not bounded by one request.
  return { ...common, ...version, upload: { site } };
}

function command_of(way: Way, v: Values, chosen: Chosen[]): string {
  const name = shell_word(v.name.trim() || "NAME");
  const at = v.site.trim() ? ` -s ${shell_word(v.site.trim())}` : "";
  const version = v.new_version ? " --new-version" : "";
  if (way === "site") return `reeve data add ${name} ${shell_word(`${v.site.trim() || "SITE"}:${v.path.trim() || "/path"}`)}`;
  if (way === "upload") return `reeve data put${at}${version} ${name} ${chosen.length ? [...new Set(chosen.map((c) => c.path.split("/")[0]!))].slice(0, 5).map(shell_word).join(" ") : "FILE..."}`;
  return `reeve data fetch${at}${version} ${name} ${urls_of(v.urls).slice(0, 5).map(shell_word).join(" ") || "URL..."}`;
}

function TextField({ label, hint, value, set, ...more }: { label: string; hint?: string; value: string; set: (v: string) => void } & Record<string, unknown>) {
  return (
    <label class="field">
      <span>{label}</span>
      <input type="text" spellcheck={false} autocomplete="off" maxLength={1024} {...more} value={value} onInput={(e) => set(e.currentTarget.value)} />
      {hint && <small>{hint}</small>}
    </label>
  );
}

interface Prefix {
  id: number;
  prefix: string;
  site: string | null;
}

// From where sites may fetch, so that nobody has to guess.
function Prefixes() {
  const { data } = use_dependent<Page<Prefix>>("/v1/url-prefixes", 0);
  if (!data) return null;
  if (data.items.length === 0) {
    return (
      <Notice tone="warn" icon="warn" title={w.prefixes_none}>
        {is_admin() && <Command line="reeve url allow https://data.example.org/pub/" />}
      </Notice>
    );
  }
  return (
    <p class="muted">
      {w.prefixes}{" "}
      {data.items.slice(0, 20).map((p, i) => (
        <span key={p.id}>
          {i > 0 && ", "}
          <code>{visible(p.prefix, 200)}</code>
          {p.site && <Text of={` (${p.site})`} max={70} />}
        </span>
      ))}
    </p>
  );
}

export function DataNew() {
  useEffect(() => {
    document.title = `${w.new_data} – ${words.product}`;
  }, []);
  const projects = (me.value?.projects ?? []).map((p) => (typeof p === "string" ? p : p.name));
  const [v, set_v] = useState<Values>({ name: query.value.get("name") ?? "", project: projects[0] ?? "", site: "", path: "", urls: "", new_version: query.value.get("name") !== null });
  const [chosen, set_chosen] = useState<Chosen[]>([]);
  const [problem, set_problem] = useState<Problem | null>(null);
  const [busy, set_busy] = useState(false);
  const way = ways.find(([name]) => name === query.value.get("way"))?.[0] ?? "upload";
  const calls = use_following(() => set_busy(false));
  const change = (c: Partial<Values>) => set_v((old) => ({ ...old, ...c }));
  const submit = async (e: SubmitEvent) => {
    e.preventDefault();
    set_busy(true);
    set_problem(null);
    try {
      const reply = (await post<DataOne | SiteCall>("/v1/datasets", body_of(way, v)))!;
      if (way === "site") return calls.follow(reply, w.registered_done);
      const name = (reply as DataOne).name;
      if (way === "upload") sender_start(name, chosen);
      go(data_path(name));
    } catch (reason) {
      set_problem(Problem.from(reason));
      set_busy(false);
    }
  };
  const ready = v.name.trim() !== "" && (way === "upload" ? chosen.length > 0 : way === "site" ? v.site.trim() !== "" && v.path.trim() !== "" : urls_of(v.urls).length > 0);
  return (
    <section class="panel new-data" aria-labelledby="new-data-title">
      <header>
        <h1 id="new-data-title">{w.new_data}</h1>
        <Link to="/data" class="back">
          <Icon name="back" />
          {words.data}
        </Link>
      </header>
      <div class="tabs" role="group" aria-label={w.new_data_way}>
        {ways.map(([name, word]) => (
          <button key={name} type="button" aria-pressed={way === name} onClick={() => query_set({ way: name === "upload" ? null : name })}>
            {word}
          </button>
        ))}
      </div>
      <p class="muted">{w.way_lead[way]}</p>
      <form onSubmit={submit}>
        <div class="fields">
          <TextField label={w.field_name} hint={w.field_name_hint} value={v.name} set={(name) => change({ name })} maxLength={64} required />
          {projects.length > 1 && (
            <label class="field">
              <span>{w.col_project}</span>
              <select value={v.project} onChange={(e) => change({ project: e.currentTarget.value })}>
                {projects.map((p) => (
                  <option key={p} value={p}>
                    {p}
                  </option>
                ))}
              </select>
            </label>
          )}
          <TextField label={w.col_site} hint={way === "site" ? w.field_site_where : w.field_site_any} value={v.site} set={(site) => change({ site })} maxLength={64} />
        </div>
        {way === "site" && <TextField label={w.field_path} hint={w.field_path_hint} value={v.path} set={(path) => change({ path })} />}
        {way === "web" && (
          <label class="field">
            <span>{w.field_urls}</span>
            <textarea rows={5} spellcheck={false} maxLength={200_000} value={v.urls} onInput={(e) => change({ urls: e.currentTarget.value })} />
            <small>{w.field_urls_hint}</small>
          </label>
        )}
        {way === "web" && <Prefixes />}
        {way === "upload" && <Choose chosen={chosen} set={set_chosen} />}
        {way !== "site" && (
          <label class="check">
            <input type="checkbox" checked={v.new_version} onChange={(e) => change({ new_version: e.currentTarget.checked })} />
            {w.field_version}
          </label>
        )}
        {problem && <Failure problem={problem} />}
        <CallTrouble of={calls} />
        <div class="buttons">
          <button class="primary" disabled={!ready || busy}>
            {busy ? words.form_busy : w.way_do[way]}
          </button>
        </div>
      </form>
      <p class="muted small">{words.as_command}</p>
      <Command line={command_of(way, v, chosen)} />
    </section>
  );
}
