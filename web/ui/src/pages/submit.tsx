// SPDX-License-Identifier: Apache-2.0
// submit.tsx - a new job: said as a command, a script or a file; at the side what would happen to it.

import { useEffect, useRef, useState } from "preact/hooks";
import { get, me, path_of, post, Problem } from "../api";
import { Ago, Command, Failure, Notice } from "../parts/basic";
import { curl_of, say } from "../parts/dialog";
import { count, visible } from "../format";
import { link } from "../live";
import { go, Link, query, query_set } from "../router";
import { words } from "../strings";
import { array_means } from "../submit/array";
import { body_of, command_of, fields, fix_apply, values_of, type Body, type Field, type Values } from "../submit/body";
import { directives_apply, directives_of } from "../submit/directives";
import { draft_drop, draft_load, draft_save } from "../submit/draft";
import { Inputs } from "../submit/inputs";
import { Preview, use_preview } from "../submit/preview";
import { w } from "../submit/words";
import type { Job, Spec, Submitted } from "../types";

const DRAFT_MS = 500;
const EMPTY: Values = { mode: "command", command: "", script: "#!/bin/sh\n", file: "" };
const MODES = [
  ["command", w.mode_command],
  ["script", w.mode_script],
  ["file", w.mode_file],
] as const;

// 128 random bits; crypto.randomUUID is missing on plain HTTP.
function new_key(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");
}

// What a file says, as a job; the reader of YAML comes when the first file is written.
function use_file(text: string, wanted: boolean): Body | string | null {
  const [read, set_read] = useState<{ text: string; said: Body | string } | null>(null);
  useEffect(() => {
    if (!wanted || !text.trim()) return;
    let still = true;
    void import("../submit/file").then((m) => still && set_read({ text, said: m.file_read(text) }));
    return () => void (still = false);
  }, [text, wanted]);
  if (!wanted) return null;
  if (!text.trim()) return w.empty;
  return read?.text === text ? read.said : null;
}

function Directives({ script, apply }: { script: string; apply: (v: (old: Values) => Values, n: number) => void }) {
  const found = directives_of(script);
  if (found.length === 0) return null;
  const left = found.filter((d) => d.field === null);
  const lines = new Set(found.map((d) => d.line)).size;
  return (
    <Notice tone="calm" icon="question" title={w.directives_found(lines)}>
      <p>
        {w.directives_text}{" "}
        {found.length > left.length && (
          <button type="button" onClick={() => apply((old) => directives_apply(old, found), found.length - left.length)}>
            {w.directives_take}
          </button>
        )}
      </p>
      {left.length > 0 && (
        <p class="muted">
          {w.directives_left}{" "}
          {left.slice(0, 8).map((d, i) => (
            <code key={i}>
              {d.line}: {visible(d.text, 80)}{" "}
            </code>
          ))}
        </p>
      )}
    </Notice>
  );
}

function ArrayMeans({ text }: { text: string }) {
  if (!text.trim()) return null;
  const m = array_means(text);
  if (!m) return <small class="wrong">{w.array_wrong}</small>;
  const few = m.sample.length === m.count;
  return (
    <small>
      {few ? `${w.array_list(count(m.count))} ${m.sample.join(", ")}` : `${w.array_tasks(count(m.count), String(m.first), String(m.last))}: ${m.sample.slice(0, 4).join(", ")} … ${m.last}`}
      {m.throttle ? `; ${w.array_at_once(count(m.throttle))}` : ""}. {w.array_each}
    </small>
  );
}

function OneField({ of: f, value, set, problem }: { of: Field; value: string; set: (v: string) => void; problem: Problem | null }) {
  const wrong = problem?.errors.filter((e) => e.pointer === f.pointer || e.pointer.startsWith(`${f.pointer}/`)) ?? [];
  const id = `field-${f.name}`;
  return (
    <div class="field">
      <label for={id}>{f.label}</label>
      {f.lines ? (
        <textarea id={id} rows={f.lines} spellcheck={false} maxLength={100_000} aria-invalid={wrong.length > 0} aria-describedby={`${id}-hint`} value={value} onInput={(e) => set(e.currentTarget.value)} />
      ) : (
        <input id={id} type="text" spellcheck={false} autocomplete="off" maxLength={4000} aria-invalid={wrong.length > 0} aria-describedby={`${id}-hint`} value={value} onInput={(e) => set(e.currentTarget.value)} />
      )}
      <div id={`${id}-hint`} class="hints">
        {f.name === "array" && value.trim() ? <ArrayMeans text={value} /> : f.hint && <small>{f.hint}</small>}
        {wrong.map((e) => (
          <small key={e.detail} class="wrong">
            {visible(e.detail, 300)}
          </small>
        ))}
      </div>
      {f.name === "inputs" && <Inputs value={value} set={set} />}
    </div>
  );
}

function What({ v, set }: { v: Values; set: (name: string, value: string) => void }) {
  if (v["mode"] === "file") {
    return (
      <label class="field">
        <span>{w.file}</span>
        <textarea rows={18} spellcheck={false} maxLength={1_000_000} placeholder={w.file_sample} value={v["file"] ?? ""} onInput={(e) => set("file", e.currentTarget.value)} />
        <small>{w.file_hint}</small>
      </label>
    );
  }
  const script = v["mode"] === "script";
  return (
    <label class="field" key={v["mode"]}>
      <span>{script ? w.script : w.command}</span>
      {script ? (
        <textarea rows={12} spellcheck={false} maxLength={524_288} value={v["script"]} onInput={(e) => set("script", e.currentTarget.value)} />
      ) : (
        <input type="text" spellcheck={false} autocomplete="off" maxLength={100_000} value={v["command"]} onInput={(e) => set("command", e.currentTarget.value)} />
      )}
      <small>{script ? w.script_hint : w.command_hint}</small>
    </label>
  );
}

function Project({ v, set }: { v: Values; set: (name: string, value: string) => void }) {
  const projects = (me.value?.projects ?? []).map((p) => (typeof p === "string" ? p : p.name));
  if (projects.length < 2) return null;
  return (
    <div class="field">
      <label for="field-project">{w.project}</label>
      <select id="field-project" value={v["project"] ?? ""} onChange={(e) => set("project", e.currentTarget.value)}>
        <option value="">{visible(projects[0] ?? "", 60)}</option>
        {projects.slice(1, 200).map((p) => (
          <option key={p} value={p}>
            {visible(p, 60)}
          </option>
        ))}
      </select>
    </div>
  );
}

// A change that another page proposes for the job that this one is made of.
function fix_of(text: string | null): Body | null {
  try {
    const fix: unknown = JSON.parse(text ?? "null");
    return fix !== null && typeof fix === "object" && !Array.isArray(fix) ? (fix as Body) : null;
  } catch {
    return null;
  }
}

// A form that somebody's link filled in: what runs is one line, the rest are members of a job.
function begin_with({ command, ...rest }: Body): { values: Values; extra: Body } {
  return fix_apply({ ...EMPTY, ...(typeof command === "string" ? { command } : {}) }, {}, rest);
}

export function Submit() {
  const from = query.value.get("from");
  const fix = fix_of(query.value.get("fix"));
  const [draft] = useState(() => (from || fix ? null : draft_load()));
  const [begun] = useState(() => (!from && fix ? begin_with(fix) : null));
  const [v, set_v] = useState<Values>({ ...EMPTY, ...draft?.values, ...begun?.values });
  const [extra, set_extra] = useState<Body>(draft?.extra ?? begun?.extra ?? {});
  const [dropped, set_dropped] = useState(false);
  const [busy, set_busy] = useState(false);
  const [problem, set_problem] = useState<Problem | null>(null);
  // One key for one intention: pressing twice, or again after a lost answer, makes one job.
  const [key, set_key] = useState<string>(new_key);
  const touched = useRef(false);
  const mode = MODES.some(([name]) => name === query.value.get("mode")) ? query.value.get("mode")! : (v["mode"] ?? "command");
  const now: Values = { ...v, mode };

  useEffect(() => {
    document.title = `${w.title} – ${words.product}`;
    link.value = { state: "idle" };
    if (!from || !/^\d{1,15}$/.test(from)) return;
    void Promise.all([get<Job>(`/v1/jobs/${from}`), get<Spec>(`/v1/jobs/${from}/spec`)]).then(
      ([job, spec]) => {
        const old = values_of(job, spec);
        const made = fix ? fix_apply(old.values, old.extra, fix) : old;
        set_v({ ...EMPTY, ...made.values });
        set_extra(made.extra);
      },
      (reason: unknown) => set_problem(Problem.from(reason)),
    );
  }, []);
  useEffect(() => {
    if (!touched.current) return;
    const timer = setTimeout(() => draft_save(now, extra), DRAFT_MS);
    return () => clearTimeout(timer);
  }, [v, extra, mode]);

  const change = (make: (old: Values) => Values) => {
    touched.current = true;
    set_v(make);
    set_problem(null);
    set_key(new_key());
  };
  const set = (name: string, value: string) => change((old) => ({ ...old, [name]: value }));
  const file = use_file(v["file"] ?? "", mode === "file");
  const body = mode === "file" ? file : body_of(now, extra);
  const ready = body !== null && typeof body !== "string" ? body : null;
  const looked = use_preview(ready);
  const refused = problem ?? (looked.checked instanceof Problem ? looked.checked : null);
  const apply =
    mode === "file"
      ? null
      : (fix: Body) => {
          const made = fix_apply(now, extra, fix);
          change(() => made.values);
          set_extra(made.extra);
        };
  const afresh = () => {
    draft_drop();
    set_v(EMPTY);
    set_extra({});
    set_dropped(true);
    if (from) go("/submit", "replace");
  };

  const submit = async (e: SubmitEvent) => {
    e.preventDefault();
    if (!ready) return set_problem(new Problem(0, "", typeof body === "string" ? body : w.busy, ""));
    set_busy(true);
    try {
      const job = await post<Submitted>(path_of("/v1/jobs", { strict: now["strict"] ? "true" : null }), ready, { "Idempotency-Key": key });
      draft_drop();
      if (job?.id) go(`/jobs/${job.id}`);
    } catch (reason) {
      set_problem(Problem.from(reason));
      set_busy(false);
    }
  };

  return (
    <div class="submit">
      <header class="job-head">
        <h1>{w.title}</h1>
        {draft && !dropped && (
          <p class="muted">
            {w.draft_back} (<Ago at={new Date(draft.at).toISOString()} />).{" "}
            <button type="button" onClick={afresh}>
              {w.draft_drop}
            </button>
          </p>
        )}
        {from && (
          <p class="muted">
            <Link to={`/jobs/${from}`}>{w.from(visible(from, 20))}</Link>
          </p>
        )}
      </header>
      <div class="columns even">
        <form class="panel" onSubmit={submit}>
          <div class="tabs" role="group" aria-label={w.mode}>
            {MODES.map(([name, word]) => (
              <button key={name} type="button" aria-pressed={mode === name} onClick={() => (change((old) => ({ ...old, mode: name })), query_set({ mode: name }))}>
                {word}
              </button>
            ))}
          </div>
          <What v={now} set={set} />
          {mode === "script" && (
            <Directives
              script={v["script"] ?? ""}
              apply={(make, n) => {
                change(make);
                say(w.directives_taken(n));
              }}
            />
          )}
          {mode !== "file" && (
            <>
              <div class="fields">
                <Project v={v} set={set} />
                {fields
                  .filter((f) => f.basic)
                  .map((f) => (
                    <OneField key={f.name} of={f} value={v[f.name] ?? ""} set={(value) => set(f.name, value)} problem={refused} />
                  ))}
              </div>
              <details class="more-options" open={fields.some((f) => !f.basic && v[f.name])}>
                <summary>{w.more}</summary>
                <div class="fields">
                  {fields
                    .filter((f) => !f.basic)
                    .map((f) => (
                      <OneField key={f.name} of={f} value={v[f.name] ?? ""} set={(value) => set(f.name, value)} problem={refused} />
                    ))}
                </div>
              </details>
              {Object.keys(extra).length > 0 && (
                <p class="muted">
                  {w.extra} <code>{visible(JSON.stringify(extra), 400)}</code>
                </p>
              )}
            </>
          )}
          {problem && <Failure problem={problem} />}
          <div class="buttons">
            <label class="check grow">
              <input type="checkbox" checked={!!now["strict"]} onChange={(e) => set("strict", e.currentTarget.checked ? "1" : "")} />
              {w.strict}
            </label>
            <button class="primary" disabled={busy || !ready}>
              {busy ? w.busy : w.submit}
            </button>
          </div>
          <p class="muted small">{w.draft}</p>
        </form>
        <div class="side">
          <section class="panel" aria-labelledby="preview" aria-live="polite">
            <header>
              <h2 id="preview">{w.preview}</h2>
            </header>
            {typeof body === "string" && body !== w.empty ? <p class="wrong">{body}</p> : <Preview of={looked} apply={apply} />}
          </section>
          <section class="panel" aria-labelledby="elsewhere">
            <header>
              <h2 id="elsewhere">{w.as_shell}</h2>
            </header>
            <Command line={command_of(now)} />
            {ready && <Command line={curl_of({ method: "POST", path: "/v1/jobs", body: ready })} />}
          </section>
        </div>
      </div>
    </div>
  );
}
