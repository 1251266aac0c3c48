// SPDX-License-Identifier: Apache-2.0
// mine.tsx - beside a person's jobs: run something at once, data on its way, the own projects' limits, notices.

import { useState } from "preact/hooks";
import { me, path_of, post, Problem } from "../api";
import { Meter } from "../parts/bars";
import { Ago, Empty, Failure, Section, State, Text } from "../parts/basic";
import { use_dependent } from "../dependent";
import { bytes, count, seconds, visible } from "../format";
import { go, Link } from "../router";
import { words } from "../strings";
import type { Overview, Page, Submitted } from "../types";
import type { DataInfo, Transfer } from "../world/types";
import { sheet } from "./sheet";
import { w } from "./words";

sheet();

interface ProjectInfo {
  name: string;
  role: string;
  max_cpus: number | null;
  max_tasks: number | null;
  max_live: number | null;
  used: { cpus: number; tasks: number; live: number };
}
interface NoticeInfo {
  id: number;
  at: string;
  sentence: string;
  read_at: string | null;
}

const SHOWN = 5;

function Quick({ projects }: { projects: ProjectInfo[] }) {
  const may = projects.filter((p) => p.role !== "viewer").map((p) => p.name);
  const [line, set_line] = useState("");
  const [project, set_project] = useState("");
  const [busy, set_busy] = useState(false);
  const [problem, set_problem] = useState<Problem | null>(null);
  if (me.value?.role === "viewer") return <p class="muted">{w.quick_viewer}</p>;
  if (may.length === 0) return <p class="muted">{w.quick_none}</p>;
  const chosen = may.includes(project) ? project : may[0]!;
  const job = { command: ["sh", "-c", line], project: chosen };
  const run = async (e: SubmitEvent) => {
    e.preventDefault();
    set_busy(true);
    set_problem(null);
    try {
      const made = await post<Submitted>("/v1/jobs", job);
      if (made?.id) go(`/jobs/${made.id}`);
    } catch (reason) {
      set_problem(Problem.from(reason));
      set_busy(false);
    }
  };
  return (
    <form class="quick" onSubmit={run}>
      <label>
        <span>{w.quick_label}</span>
        <input value={line} maxLength={4000} required spellcheck={false} autocomplete="off" onInput={(e) => set_line(e.currentTarget.value)} aria-describedby="quick-hint" />
      </label>
      <p class="muted small" id="quick-hint">
        {w.quick_hint}
      </p>
      {may.length > 1 && (
        <label>
          <span>{w.quick_project}</span>
          <select value={chosen} onChange={(e) => set_project(e.currentTarget.value)}>
            {may.map((name) => (
              <option key={name} value={name}>
                {visible(name, 64)}
              </option>
            ))}
          </select>
        </label>
      )}
      {problem && <Failure problem={problem} />}
      <div class="buttons">
        <button class="primary" disabled={busy || !line.trim()}>
          {busy ? words.form_busy : w.quick_run}
        </button>
        <Link to={line.trim() ? path_of("/submit", { mode: "command", fix: JSON.stringify({ command: line, project: chosen }) }) : "/submit"}>{w.quick_more}</Link>
      </div>
    </form>
  );
}

export function TransferLine({ of: t, aside }: { of: Transfer; aside: string }) {
  return (
    <li>
      <div class="mine-line">
        <Link to={`/data/${encodeURIComponent(t.dataset)}`} class="whole">
          <Text of={t.dataset} max={80} />
        </Link>
        <span class="muted">{visible(aside, 80)}</span>
        <span class="grow" />
        {t.eta !== null && <span class="muted num">{w.arriving_left(seconds(t.eta))}</span>}
      </div>
      <Meter label={w.bytes_word} used={t.bytes} all={t.total || 1} text={w.coming(bytes(t.bytes), bytes(t.total))} />
    </li>
  );
}

function Arriving({ of: o }: { of: Overview }) {
  const user = me.value?.name ?? "";
  const { data: open } = use_dependent<Page<DataInfo>>(path_of("/v1/datasets", { state: "open", user, limit: SHOWN }), o);
  const { data: active } = use_dependent<Page<Transfer>>(path_of("/v1/transfers", { state: "active", limit: SHOWN }), o);
  const coming = (open?.items ?? []).filter((d) => d.arrival);
  const moving = active?.items ?? [];
  if (coming.length + moving.length === 0) return <p class="muted">{w.arriving_none}</p>;
  return (
    <ul class="mine">
      {coming.map((d) => (
        <li key={d.name}>
          <div class="mine-line">
            <Link to={`/data/${encodeURIComponent(d.name)}`} class="whole">
              <Text of={d.name} max={80} />
            </Link>
            <span class="grow" />
            {d.arrival!.state === "failed" && <State machine="step" of="failed" />}
          </div>
          <Meter label={w.bytes_word} used={d.arrival!.received_bytes} all={d.arrival!.bytes || 1} text={w.coming(bytes(d.arrival!.received_bytes), bytes(d.arrival!.bytes))} />
          {d.arrival!.message && (
            <span class="sub">
              <Text of={d.arrival!.message} max={200} />
            </span>
          )}
        </li>
      ))}
      {moving.map((t) => (
        <TransferLine key={t.id} of={t} aside={w.arriving_to(t.to ?? "")} />
      ))}
    </ul>
  );
}

function Shares({ of: projects }: { of: ProjectInfo[] }) {
  if (projects.length === 0) return <p class="muted">{w.shares_none}</p>;
  const bar = (label: string, used: number, all: number | null) => <Meter label={label} used={all ? used : 0} all={all ?? 1} text={all ? w.share_of(count(used), count(all)) : w.share_free(count(used))} />;
  return (
    <ul class="mine">
      {projects.slice(0, SHOWN).map((p) => (
        <li key={p.name}>
          <div class="mine-line">
            <Link to={`/jobs?project=${encodeURIComponent(p.name)}`} class="whole">
              <Text of={p.name} max={64} />
            </Link>
            <span class="grow" />
            <span class="muted">{visible(p.role, 20)}</span>
          </div>
          {bar(w.share_cpus, p.used.cpus, p.max_cpus)}
          {bar(w.share_live, p.used.live, p.max_live)}
        </li>
      ))}
    </ul>
  );
}

function Notices({ of: o }: { of: Overview }) {
  const { data } = use_dependent<Page<NoticeInfo>>(path_of("/v1/notices", { limit: SHOWN }), o.events[0]?.seq);
  const items = data?.items ?? [];
  if (items.length === 0) return <p class="muted">{w.notices_none}</p>;
  return (
    <ul class="mine">
      {items.map((n) => (
        <li key={n.id}>
          <div class="mine-line">
            <span class={n.read_at ? "muted" : ""}>
              <Text of={n.sentence} max={200} />
            </span>
            <span class="grow" />
            <span class="muted num">
              <Ago at={n.at} />
            </span>
          </div>
        </li>
      ))}
    </ul>
  );
}

export function Mine({ overview: o }: { overview: Overview }) {
  const { data: projects } = use_dependent<Page<ProjectInfo>>("/v1/projects", o.tasks.running);
  const own = projects?.items ?? [];
  return (
    <>
      {o.sites.length === 0 && (
        <Empty title={words.sites_none}>
          <p>{words.sites_none_fix}</p>
        </Empty>
      )}
      <div class="home-more">
        <Section id="quick" title={w.quick}>
          {projects ? <Quick projects={own} /> : <p class="muted">{words.loading}</p>}
        </Section>
        <Section id="arriving" title={w.arriving} aside={<Link to="/transfers">{w.arriving_all}</Link>}>
          <Arriving of={o} />
        </Section>
        <Section id="shares" title={w.shares}>
          <Shares of={own} />
        </Section>
        <Section id="my-notices" title={w.notices} aside={<Link to="/account?tab=notices">{w.notices_choose}</Link>}>
          <Notices of={o} />
        </Section>
      </div>
    </>
  );
}
