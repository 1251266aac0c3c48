// SPDX-License-Identifier: Apache-2.0
// explain.tsx - why a job waits, and why its tasks went where they did: the engine's own record, term by term.

import { Ago, Badge, Notice, Text } from "./basic";
import { bytes, seconds, visible } from "../format";
import { step_words, words } from "../strings";
import type { Candidate, Explain, FunnelStep, Placement } from "../types";

const PLACEMENTS_MAX = 5;

// The terms of the cost, in the order in which they stand in the sum.
const terms = [
  { key: "wait", word: words.term_wait },
  { key: "stage", word: words.term_stage },
  { key: "run", word: words.term_run },
  { key: "out", word: words.term_out },
  { key: "penalty", word: words.term_penalty },
] as const;

function Funnel({ of: steps }: { of: FunnelStep[] }) {
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

function Candidates({ of: p }: { of: Placement }) {
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

export function Explained({ of: e }: { of: Explain }) {
  const funnel = e.wait?.funnel ?? [];
  const help = e.wait?.would_help ?? [];
  return (
    <div class="explain">
      {e.can_ever_run === false ? (
        <Notice tone="bad" icon="cross" title={words.never_runs}>
          <p>
            <Text of={e.sentence} max={1000} />
          </p>
        </Notice>
      ) : (
        <p class="lead">
          <Text of={e.sentence} max={1000} />
        </p>
      )}
      {help.length > 0 && (
        <Notice tone="calm" icon="question" title={words.would_help}>
          <ul>
            {help.slice(0, 10).map((h) => (
              <li>
                <Text of={h} />
              </li>
            ))}
          </ul>
        </Notice>
      )}
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
    </div>
  );
}
