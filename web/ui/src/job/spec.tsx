// SPDX-License-Identifier: Apache-2.0
// spec.tsx - what a job runs, as it was accepted, and what differs from another job: the one it was made of, or any.

import { useState } from "preact/hooks";
import { Command, Failure, Section } from "../parts/basic";
import { use_dependent } from "../dependent";
import { shell_word, visible, visible_lines } from "../format";
import { Link, query, query_set } from "../router";
import { words } from "../strings";
import type { Job, Spec } from "../types";
import { diff_lines, differs, type DiffLine } from "./diff";
import { w } from "./words";

const SHOWN_MAX = 20_000;

const resolved = (spec: Spec) => JSON.stringify({ ...spec, script: spec.script ? "…" : null }, null, 2);

function Diff({ of: lines, title }: { of: DiffLine[]; title: string }) {
  return (
    <>
      <h3>{title}</h3>
      <pre class="code diff" tabIndex={0} aria-label={title}>
        {lines.map((l, i) => {
          if (l.kind === "skip") return <span key={i} class="skip">{`  ${w.spec_skipped(l.n ?? 0)}\n`}</span>;
          const text = `${l.kind === "old" ? "−" : l.kind === "new" ? "+" : " "} ${visible(l.text, 2000)}\n`;
          if (l.kind === "old") return <del key={i}>{text}</del>;
          if (l.kind === "new") return <ins key={i}>{text}</ins>;
          return text;
        })}
      </pre>
    </>
  );
}

function Compared({ spec, other }: { spec: Spec; other: string }) {
  const { data: old, problem } = use_dependent<Spec>(`/v1/jobs/${other}/spec`, null);
  if (problem) return <Failure problem={problem} />;
  if (!old) return <p class="muted">{words.loading}</p>;
  const members = diff_lines(resolved(old), resolved(spec));
  const script = diff_lines(old.script ?? "", spec.script ?? "");
  if (!differs(members) && !differs(script)) return <p class="muted">{w.spec_same(other)}</p>;
  return (
    <>
      {differs(script) && <Diff of={script} title={w.spec_diff_script(other)} />}
      {differs(members) && <Diff of={members} title={w.spec_diff(other)} />}
    </>
  );
}

function SpecLinks({ id }: { id: number }) {
  return (
    <>
      <Link to={`/submit?from=${id}`}>{words.open_in_form}</Link> <Link to={`/submit?from=${id}&save=template`}>{w.save_template}</Link>
    </>
  );
}

export function SpecTab({ of: j }: { of: Job }) {
  const { data: spec, problem } = use_dependent<Spec>(`/v1/jobs/${j.id}/spec`, null);
  const origin = /^\d{1,15}$/.test(j.labels["rerun_of"] ?? "") ? j.labels["rerun_of"]! : null;
  const asked = query.value.get("with");
  const other = asked && /^\d{1,15}$/.test(asked) ? asked : origin;
  const [wanted, set_wanted] = useState(other ?? "");
  if (problem) return <Failure problem={problem} />;
  if (!spec) return <p class="empty">{words.loading}</p>;
  const args = (spec.args ?? []).map(shell_word).join(" ");
  return (
    <Section id="what" title={words.what_runs} aside={<SpecLinks id={j.id} />}>
      {spec.script ? (
        <pre class="code" tabIndex={0} aria-labelledby="what">
          {visible_lines(spec.script.slice(0, SHOWN_MAX))}
        </pre>
      ) : (
        <p class="code">{visible((spec.command ?? []).map(shell_word).join(" "), 4000)}</p>
      )}
      {spec.script && args && (
        <p>
          {words.spec_args}: <code>{visible(args, 2000)}</code>
        </p>
      )}
      <form
        class="filters compare"
        onSubmit={(e) => {
          e.preventDefault();
          if (/^\d{1,15}$/.test(wanted)) query_set({ with: wanted });
        }}
      >
        <label class="check">
          {w.spec_compare}
          <input type="text" inputMode="numeric" pattern="[0-9]+" size={9} value={wanted} onInput={(e) => set_wanted(e.currentTarget.value)} />
        </label>
        <button type="submit" class="quiet">
          {w.spec_compare_go}
        </button>
        {origin && (
          <span class="muted">
            <Link to={`/jobs/${origin}`}>{w.spec_rerun_of(origin)}</Link>
          </span>
        )}
      </form>
      {other && other !== String(j.id) && <Compared key={other} spec={spec} other={other} />}
      <h3>{words.spec_resolved}</h3>
      <pre class="code" tabIndex={0} aria-label={words.spec_resolved}>
        {visible_lines(resolved(spec).slice(0, SHOWN_MAX))}
      </pre>
      <Command line={`reeve show ${j.id} -o json`} />
    </Section>
  );
}
