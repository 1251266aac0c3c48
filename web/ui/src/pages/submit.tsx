// SPDX-License-Identifier: Apache-2.0
// submit.tsx - a new job: said as a command, a script or a file; at the side what would happen to it.

import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { get, me, path_of, post, Problem } from "../api";
import { lazy } from "../lazy";
import { Ago, Command, Failure } from "../parts/basic";
import { curl_of } from "../parts/dialog";
import { count, visible } from "../format";
import { link } from "../live";
import { go, Link, query, query_set } from "../router";
import { words } from "../strings";
import { array_means } from "../submit/array";
import { body_of, command_of, fields, fix_apply, values_of, type Body, type Field, type Values } from "../submit/body";
import { draft_drop, draft_load, draft_save } from "../submit/draft";
import { Editor, type Mark } from "../submit/editor";
import type { FileRead } from "../submit/file";
import type { Made } from "../submit/from_template";
import { Hint, use_hints, type Hints } from "../submit/hints";
import { Inputs } from "../submit/inputs";
import { member_offers } from "../submit/members";
import { Preview, use_preview } from "../submit/preview";
import { put_over, script_marks, script_offers, use_script, type Script } from "../submit/script";
import look from "../submit/submit.sheet.css";
import { w } from "../submit/words";
import { sheet_use } from "../sheet";
import type { FieldError, Job, Spec, Submitted } from "../types";

const DRAFT_MS = 500;
const EMPTY: Values = { mode: "command", command: "", script: "#!/bin/sh\n", file: "" };
const MODES = [
  ["command", w.mode_command],
  ["script", w.mode_script],
  ["file", w.mode_file],
  ["template", w.mode_template],
] as const;
const SCRIPT_MAX = 524_288;
const FILE_MAX = 1_000_000;

const FromTemplate = lazy(() => import("../submit/from_template").then((m) => m.FromTemplate));
const SaveTemplate = lazy(() => import("../submit/save_template").then((m) => m.SaveTemplate));
const EditTemplate = lazy(() => import("../submit/save_template").then((m) => m.EditTemplate));

// 128 random bits; crypto.randomUUID is missing on plain HTTP.
function new_key(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");
}

// What a file says, as a job; the reader of YAML comes when the first file is written.
function use_file(text: string, wanted: boolean): { read: FileRead | null; marks: (errors: FieldError[]) => Mark[] } {
  const [made, set_made] = useState<{ text: string; read: FileRead; marks: (errors: FieldError[]) => Mark[] } | null>(null);
  useEffect(() => {
    if (!wanted || !text.trim()) return;
    let still = true;
    void import("../submit/file").then((m) => {
      if (!still) return;
      const read = m.file_read(text);
      set_made({ text, read, marks: (errors) => (typeof read.said === "string" ? read.marks : m.marks_of(read, errors)) });
    });
    return () => void (still = false);
  }, [text, wanted]);
  return made?.text === text && wanted ? made : { read: null, marks: () => [] };
}

// The job of a script: what its directives ask for, and the form's members over that. Or why there is none.
function body_of_script(now: Values, extra: Body, script: Script): Body | string {
  const own = body_of(now, extra);
  if (typeof own === "string") return own;
  if (script.text !== now["script"] || script.read === null) return w.script_asking;
  if (script.read instanceof Problem) return script.read.detail || script.read.title;
  return script.read.job ? put_over(script.read.job, own) : w.script_refused(script.read.refused);
}

function ScriptSum({ of: s }: { of: Script }) {
  if (s.read === null || s.read instanceof Problem || s.read.directives.length === 0) return null;
  const { used, differs, ignored, refused } = s.read;
  return (
    <p class={`script-sum ${refused ? "wrong" : "muted"}`} aria-live="polite">
      {w.script_sum(used + differs, differs, ignored, refused)}
    </p>
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

interface FieldProps {
  of: Field;
  value: string;
  set: (v: string) => void;
  problem: Problem | null;
  hints: Hints;
}

function OneField({ of: f, value, set, problem, hints }: FieldProps) {
  const wrong = problem?.errors.filter((e) => e.pointer === f.pointer || e.pointer.startsWith(`${f.pointer}/`)) ?? [];
  const id = `field-${f.name}`;
  return (
    <div class="field">
      <label for={id}>{f.label}</label>
      {f.lines ? (
        <textarea id={id} rows={f.lines} spellcheck={false} maxLength={100_000} aria-invalid={wrong.length > 0} aria-describedby={`${id}-hint`} value={value} onInput={(e) => set(e.currentTarget.value)} />
      ) : (
        <input id={id} type="text" spellcheck={false} autocomplete="off" list={f.name === "name" ? "own-names" : undefined} maxLength={4000} aria-invalid={wrong.length > 0} aria-describedby={`${id}-hint`} value={value} onInput={(e) => set(e.currentTarget.value)} />
      )}
      {f.name === "name" && (
        <datalist id="own-names">
          {hints.names.map((n) => (
            <option key={n.name} value={n.name} />
          ))}
        </datalist>
      )}
      <div id={`${id}-hint`} class="hints">
        {f.name === "array" && value.trim() ? <ArrayMeans text={value} /> : f.hint && <small>{f.hint}</small>}
        {wrong.map((e) => (
          <small key={e.detail} class="wrong">
            {visible(e.detail, 300)}
          </small>
        ))}
      </div>
      <Hint of={hints} member={f.name} value={value} take={set} />
      {f.name === "inputs" && <Inputs value={value} set={set} />}
    </div>
  );
}

interface WhatProps {
  v: Values;
  set: (name: string, value: string) => void;
  marks: Mark[];
}

const shell_offers = script_offers(w.offers);

function What({ v, set, marks }: WhatProps) {
  if (v["mode"] === "file")
    return <Editor key="file" label={w.file} hint={w.file_hint} value={v["file"] ?? ""} set={(text) => set("file", text)} mode="yaml" marks={marks} lines={16} max={FILE_MAX} offers={member_offers} sample={w.file_sample} />;
  if (v["mode"] === "script")
    return <Editor key="script" label={w.script} hint={w.script_hint} value={v["script"] ?? ""} set={(text) => set("script", text)} mode="shell" marks={marks} lines={12} max={SCRIPT_MAX} offers={shell_offers} />;
  return (
    <label class="field">
      <span>{w.command}</span>
      <input type="text" spellcheck={false} autocomplete="off" maxLength={100_000} value={v["command"]} onInput={(e) => set("command", e.currentTarget.value)} />
      <small>{w.command_hint}</small>
    </label>
  );
}

// What the job would be called: hints go by that.
function name_of(body: Body | null): string {
  if (!body) return "";
  if (typeof body["name"] === "string") return body["name"];
  const program = (body["command"] as unknown[] | undefined)?.[0];
  return typeof program === "string" ? (program.split("/").at(-1) ?? "") : "";
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
  sheet_use(look);
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
  const [made, set_made] = useState<Made>({ job: null, why: null, command: "" });
  const [saving, set_saving] = useState(query.value.get("save") === "template");
  const editing = mode === "template" ? query.value.get("edit") : null;
  const file = use_file(v["file"] ?? "", mode === "file");
  const script = use_script(v["script"] ?? "", v["name"] || "script.sh", mode === "script");
  const bodies: Record<string, () => Body | string | null> = {
    command: () => body_of(now, extra),
    script: () => body_of_script(now, extra, script),
    file: () => (v["file"]?.trim() ? (file.read?.said ?? null) : w.empty),
    template: () => made.job ?? made.why,
  };
  const body = bodies[mode]!();
  const ready = body !== null && typeof body !== "string" ? body : null;
  const looked = use_preview(ready);
  const refused = problem ?? (looked.checked instanceof Problem ? looked.checked : null);
  const errors = refused?.errors ?? [];
  const marks = useMemo(() => (mode === "script" ? script_marks(script) : mode === "file" ? file.marks(errors) : []), [mode, script, file.read, refused]);
  const hints = use_hints(name_of(ready), v["project"] ?? "", mode !== "file" && !editing);
  const apply =
    mode === "file" || mode === "template"
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
              <button key={name} type="button" aria-pressed={mode === name} onClick={() => (change((old) => ({ ...old, mode: name })), query_set({ mode: name, template: null, edit: null }))}>
                {word}
              </button>
            ))}
          </div>
          {mode === "template" ? (
            editing ? (
              <EditTemplate key={editing} id={editing} />
            ) : (
              <FromTemplate
                id={query.value.get("template")}
                on_made={set_made}
                edit={(job) => {
                  change((old) => ({ ...old, file: `${JSON.stringify(job, null, 2)}\n` }));
                  query_set({ mode: "file", template: null });
                }}
              />
            )
          ) : (
            <What v={now} set={set} marks={marks} />
          )}
          {mode === "script" && <ScriptSum of={script} />}
          {(mode === "command" || mode === "script") && (
            <>
              <div class="fields">
                <Project v={v} set={set} />
                {fields
                  .filter((f) => f.basic)
                  .map((f) => (
                    <OneField key={f.name} of={f} value={v[f.name] ?? ""} set={(value) => set(f.name, value)} problem={refused} hints={hints} />
                  ))}
              </div>
              <details class="more-options" open={fields.some((f) => !f.basic && v[f.name])}>
                <summary>{w.more}</summary>
                <div class="fields">
                  {fields
                    .filter((f) => !f.basic)
                    .map((f) => (
                      <OneField key={f.name} of={f} value={v[f.name] ?? ""} set={(value) => set(f.name, value)} problem={refused} hints={hints} />
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
          {!editing && (
            <div class="buttons">
              <label class="check grow">
                <input type="checkbox" checked={!!now["strict"]} onChange={(e) => set("strict", e.currentTarget.checked ? "1" : "")} />
                {w.strict}
              </label>
              {mode !== "template" && (
                <button type="button" disabled={!ready} onClick={() => set_saving(true)}>
                  {w.template_save}
                </button>
              )}
              <button class="primary" disabled={busy || !ready}>
                {busy ? w.busy : w.submit}
              </button>
            </div>
          )}
          {mode !== "template" && <p class="muted small">{w.draft}</p>}
        </form>
        <div class="side" hidden={!!editing}>
          <section class="panel" aria-labelledby="preview" aria-live="polite">
            <header>
              <h2 id="preview">{w.preview}</h2>
            </header>
            {typeof body === "string" && body !== w.empty ? <p class={body === w.script_asking || body === w.template_missing ? "muted" : "wrong"}>{body}</p> : <Preview of={looked} apply={apply} />}
          </section>
          <section class="panel" aria-labelledby="elsewhere">
            <header>
              <h2 id="elsewhere">{w.as_shell}</h2>
            </header>
            <Command line={mode === "template" ? made.command : command_of(now)} />
            {ready && <Command line={curl_of({ method: "POST", path: "/v1/jobs", body: ready })} />}
          </section>
        </div>
      </div>
      {saving && ready && <SaveTemplate of={ready} close={() => (set_saving(false), query_set({ save: null }))} />}
    </div>
  );
}
