// SPDX-License-Identifier: Apache-2.0
// explain.tsx - why a job waits, and why its tasks went where they did: the engine's own record, term by term.

import { Ago, Badge, Lasting, Notice, Text } from "./basic";
import { bytes, change_text, count, exact, seconds, visible } from "../format";
import { Link } from "../router";
import { step_words, words } from "../strings";
import type { Candidate, Explain, FunnelStep, Help, Placement, Position, Start } from "../types";

const PLACEMENTS_MAX = 5;

// The terms of the cost, in the order in which they stand in the sum.
const terms = [
  { key: "wait", word: words.term_wait },
  { key: "stage", word: words.term_stage },
  { key: "run", word: words.term_run },
  { key: "out", word: words.term_out },
  { key: "price", word: words.term_price },
  { key: "penalty", word: words.term_penalty },
] as const;

export function Funnel({ of: steps }: { of: FunnelStep[] }) {
  const widest = Math.max(1, ...steps.map((s) => s.sites));
  // Where nothing is left, later steps say nothing.
  const last = steps.findIndex((s) => s.sites === 0);
  const told = last < 0 ? steps : steps.slice(0, last + 1);
  return (
    <ol class="funnel">
      {told.map((s) => (
        <li key={s.step} class={s.sites === 0 ? "none" : ""}>
          <span class="funnel-step">{step_words[s.step] ?? visible(s.step, 40)}</span>
          <span class="track" aria-hidden="true">
            <i style={{ width: `${(100 * s.sites) / widest}%` }} />
          </span>
          <span class="num">{words.funnel_sites(s.sites)}</span>
          {s.dropped && s.dropped.length > 0 && (
            <ul>
              {s.dropped.slice(0, 20).map((d) => (
                <li key={d.site}>
                  <b>
                    <Text of={d.site} max={64} />
                  </b>{" "}
                  <Text of={d.why} />
                </li>
              ))}
            </ul>
          )}
        </li>
      ))}
    </ol>
  );
}

function Sum({ of: c, longest }: { of: Candidate; longest: number }) {
  return (
    <span class="sum" aria-hidden="true">
      {terms.map((t) => (
        <i key={t.key} class={t.key} style={{ width: `${longest > 0 ? (100 * Math.max(0, c[t.key] ?? 0)) / longest : 0}%` }} />
      ))}
    </span>
  );
}

function CandidateRow({ of: c, won, longest }: { of: Candidate; won: boolean; longest: number }) {
  const site = (
    <th scope="row">
      <Text of={c.site} max={64} />{" "}
      {won && (
        <Badge icon="check" tone="good">
          {words.chosen}
        </Badge>
      )}
    </th>
  );
  if (c.dropped !== undefined || c.finish === undefined) {
    return (
      <tr class="dropped">
        {site}
        <td colSpan={terms.length + 2}>
          <Text of={c.why ?? step_words[c.dropped ?? ""] ?? c.dropped} />
        </td>
      </tr>
    );
  }
  return (
    <tr class={won ? "won" : ""}>
      {site}
      <td class="num">
        <b>{seconds(c.finish)}</b>
        <Sum of={c} longest={longest} />
      </td>
      {terms.map((t) => (
        <td key={t.key} class={`num ${c[t.key] ? "" : "zero"}`}>
          {c[t.key] ? seconds(c[t.key]) : "0"}
        </td>
      ))}
      <td class={`num ${c.missing_bytes ? "" : "zero"}`}>{c.missing_bytes ? bytes(c.missing_bytes) : "0"}</td>
    </tr>
  );
}

export function Candidates({ of: p }: { of: Pick<Placement, "site" | "candidates"> }) {
  const longest = Math.max(0, ...p.candidates.map((c) => c.finish ?? 0));
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={words.why_placed}>
      <table class="rows candidates">
        <thead>
          <tr>
            <th scope="col">{words.col_site}</th>
            <th scope="col" class="num">
              {words.col_finish}
            </th>
            {terms.map((t) => (
              <th key={t.key} scope="col" class="num">
                <i class={`key ${t.key}`} />
                {t.word}
              </th>
            ))}
            <th scope="col" class="num">
              {words.col_missing}
            </th>
          </tr>
        </thead>
        <tbody>
          {p.candidates.slice(0, 50).map((c) => (
            <CandidateRow key={c.site} of={c} won={c.site === p.site && c.dropped === undefined} longest={longest} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Decision({ of: p, open }: { of: Placement; open: boolean }) {
  return (
    <details open={open}>
      <summary>
        <Text of={p.sentence} max={600} />{" "}
        <span class="muted">
          {p.first_task !== null && words.from_task(p.first_task)} · <Ago at={p.at} />
        </span>
      </summary>
      <Candidates of={p} />
    </details>
  );
}

const when = (at: string) => new Date(at).toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit" });

// A moment of today as a time of day, another one with its day.
export function moment(at: string): string {
  const d = new Date(at);
  const today = new Date().toDateString() === d.toDateString();
  return today ? when(at) : `${d.toLocaleDateString(undefined, { weekday: "short", day: "numeric", month: "short" })} ${when(at)}`;
}

// When it is likely to start, and what that rests on.
export function StartBand({ of: s }: { of: Start }) {
  return (
    <p>
      {s.likely ? (
        <>
          {words.start_likely} <b title={exact(s.likely)}>{moment(s.likely)}</b>
          {s.earliest && s.latest && s.earliest !== s.latest && (
            <>
              {" "}
              ({moment(s.earliest)} – {moment(s.latest)})
            </>
          )}
        </>
      ) : (
        words.start_unknown
      )}{" "}
      <span class="muted">
        <Text of={s.based_on} max={300} />
      </span>
    </p>
  );
}

// Who stands before it. What one may not see has no name.
export function Queue({ of: p }: { of: Position }) {
  if (p.tasks_ahead === 0 || p.behind.length === 0) return null;
  return (
    <>
      <h3>{words.queue_who}</h3>
      <ul class="behind">
        {p.behind.slice(0, 5).map((b, i) => (
          <li key={i}>
            {b.job === null ? <span class="muted">{words.queue_other}</span> : <Link to={`/jobs/${b.job}`}>{words.job_title(b.job)}</Link>}
            <span class="muted">{b.project !== null && <Text of={b.project} max={60} />}</span>
            <span class="num">{words.queue_tasks(count(b.tasks))}</span>
          </li>
        ))}
      </ul>
    </>
  );
}

const started = (s: number | null) => (s === null ? "" : s < 1 ? words.help_now : words.help_in(seconds(s)));

export function WouldHelp({ of: help }: { of: (Help | string)[] }) {
  if (help.length === 0) return null;
  return (
    <Notice tone="calm" icon="question" title={words.would_help}>
      <ul>
        {help.slice(0, 10).map((h, i) => (
          <li key={i}>
            <Text of={typeof h === "string" ? h : h.sentence} max={500} />
            {typeof h !== "string" && h.start_in !== null && <span class="muted"> {started(h.start_in)}</span>}
          </li>
        ))}
      </ul>
    </Notice>
  );
}

// It cannot run as it is: another thing than waiting, and it looks like one. `job`: one that is there, to be made again.
export function NeverRuns({ sentence, fix, job }: { sentence: string; fix: Record<string, unknown> | null | undefined; job?: number }) {
  return (
    <Notice tone="bad" icon="cross" title={words.never_runs}>
      <p>
        <Text of={sentence} max={1000} />
      </p>
      {fix && job !== undefined && (
        <p>
          <Link to={`/submit?from=${job}&fix=${encodeURIComponent(JSON.stringify(fix))}`} class="button">
            {words.never_clone(change_text(fix))}
          </Link>
        </p>
      )}
    </Notice>
  );
}

function History({ of: past }: { of: NonNullable<Explain["history"]> }) {
  if (past.length === 0) return null;
  return (
    <>
      <h3>{words.why_history}</h3>
      <ol class="history">
        {past.slice(-20).map((h) => (
          <li key={h.since}>
            <b class="num">
              <Lasting from={h.since} to={h.until} />
            </b>
            <Text of={h.sentence} max={300} />
            <span class="muted">
              <Ago at={h.since} />
            </span>
          </li>
        ))}
      </ol>
    </>
  );
}

export function Explained({ of: e, job }: { of: Explain; job: number }) {
  const funnel = e.wait?.funnel ?? [];
  return (
    <div class="explain">
      {e.can_ever_run === false ? (
        <NeverRuns sentence={e.never?.sentence ?? e.sentence} fix={e.never?.fix} job={job} />
      ) : (
        <p class="lead">
          <Text of={e.sentence} max={1000} />
        </p>
      )}
      {e.live === false && <p class="muted small">{words.why_recorded}</p>}
      {e.wait?.start && <StartBand of={e.wait.start} />}
      {e.wait?.position && <Queue of={e.wait.position} />}
      <WouldHelp of={e.wait?.would_help ?? []} />
      {funnel.length > 0 && (
        <>
          <h3>{words.why_waits}</h3>
          <Funnel of={funnel} />
        </>
      )}
      {e.placements.length > 0 && (
        <>
          <h3>{words.why_placed}</h3>
          {e.placements.slice(0, PLACEMENTS_MAX).map((p, i) => (
            <Decision key={p.decision} of={p} open={i === 0} />
          ))}
          <p class="muted small">{words.in_seconds}</p>
        </>
      )}
      <History of={e.history ?? []} />
    </div>
  );
}
