// SPDX-License-Identifier: Apache-2.0
// editor.tsx - a text of a program to write: the editor when it has come, a plain field until then and wherever it
// cannot come; what is said of lines stands below it, too.

import { useEffect, useId, useRef, useState } from "preact/hooks";
import { Icon } from "../parts/icon";
import { visible } from "../format";
import type { Code, Mark, Offers } from "./code";
import { w } from "./words";

export type { Mark } from "./code";

const MARKS_SHOWN = 30;
const ICONS = { error: "cross", warning: "warn", info: "question" } as const;

interface EditorProps {
  label: string;
  hint: string;
  value: string;
  set: (text: string) => void;
  mode: "shell" | "yaml";
  marks: Mark[];
  lines: number;
  max: number;
  offers: Offers;
  sample?: string;
}

function use_code(p: EditorProps, hint_id: string) {
  const host = useRef<HTMLDivElement>(null);
  const code = useRef<Code | null>(null);
  const latest = useRef(p);
  latest.current = p;
  // What the editor told and the page has not given back yet: an echo of it may be older than what stands there now.
  const told = useRef<string[]>([]);
  const [state, set_state] = useState<"coming" | "there" | "failed">("coming");
  useEffect(() => {
    let still = true;
    void import("./code").then(
      (m) => {
        if (!still || !host.current) return;
        const now = latest.current;
        code.current = m.code_open(host.current, {
          text: now.value,
          mode: now.mode,
          label: now.label,
          hint_id,
          lines: now.lines,
          changed: (text) => (told.current.push(text), latest.current.set(text)),
          offers: (line) => latest.current.offers(line),
        });
        code.current.mark(now.marks);
        set_state("there");
      },
      () => still && set_state("failed"),
    );
    return () => {
      still = false;
      code.current?.end();
      code.current = null;
    };
  }, []);
  useEffect(() => {
    const echo = told.current.indexOf(p.value);
    if (echo < 0) code.current?.set(p.value);
    told.current.splice(0, echo < 0 ? told.current.length : echo + 1);
  }, [p.value]);
  useEffect(() => code.current?.mark(p.marks), [p.marks]);
  return { host, state, go_to: (line: number) => code.current?.go_to(line) };
}

function Said({ marks, go_to }: { marks: Mark[]; go_to: ((line: number) => void) | null }) {
  return (
    <ul class="said-of-lines" aria-label={w.said_of_lines}>
      {marks.slice(0, MARKS_SHOWN).map((m, i) => (
        <li key={i} class={m.tone}>
          <Icon name={ICONS[m.tone]} />
          {m.line > 0 && go_to ? (
            <button type="button" class="quiet" onClick={() => go_to(m.line)}>
              {w.line(m.line)}
            </button>
          ) : (
            m.line > 0 && <b>{w.line(m.line)}</b>
          )}
          <span>
            <span class="unseen">{w.tone[m.tone]} </span>
            {visible(m.text, 400)}
          </span>
        </li>
      ))}
      {marks.length > MARKS_SHOWN && <li class="muted">{w.said_more(marks.length - MARKS_SHOWN)}</li>}
    </ul>
  );
}

export function Editor(p: EditorProps) {
  const id = useId();
  const { host, state, go_to } = use_code(p, `${id}-hint`);
  const there = state === "there";
  return (
    <div class="field editor">
      {there ? <span>{p.label}</span> : <label for={id}>{p.label}</label>}
      <div ref={host} class="editor-host" hidden={!there} />
      {!there && <textarea id={id} rows={p.lines} spellcheck={false} maxLength={p.max} placeholder={p.sample} aria-describedby={`${id}-hint`} value={p.value} onInput={(e) => p.set(e.currentTarget.value)} />}
      <small id={`${id}-hint`}>
        {p.hint} {there ? w.editor_keys : state === "failed" ? w.editor_failed : ""}
      </small>
      {p.marks.length > 0 && <Said marks={p.marks} go_to={there ? go_to : null} />}
    </div>
  );
}
