// SPDX-License-Identifier: Apache-2.0
// save_template.tsx - keep a job as a template: what may differ is chosen from what it says; and the text of a template
// that is there, to be changed as it stands.

import { useEffect, useState } from "preact/hooks";
import { get, me, path_of, Problem, send } from "../api";
import { Failure, Text } from "../parts/basic";
import { Ask } from "../parts/dialog";
import { visible } from "../format";
import { go } from "../router";
import { words } from "../strings";
import type { Body } from "./body";
import { Editor, type Mark } from "./editor";
import { file_read, marks_of } from "./file";
import { candidates_of, template_of, type Template } from "./template";
import { w } from "./words";

const SETTLE_MS = 600;
const TEXT_MAX = 600_000;
const NAME = /^[a-z0-9][a-z0-9._-]{0,63}$/;

const projects_of_mine = () => (me.value?.projects ?? []).map((p) => (typeof p === "string" ? p : p.name));

export function SaveTemplate({ of: job, close }: { of: Body; close: () => void }) {
  const [candidates] = useState(() => candidates_of(job));
  const [chosen, set_chosen] = useState<Set<number>>(new Set());
  const [v, set_v] = useState({ name: String(job["name"] ?? "").toLowerCase().replace(/[^a-z0-9._-]+/g, "-").slice(0, 64), description: "", project: "" });
  const made = template_of(job, candidates.filter((_, i) => chosen.has(i)));
  const body = { name: v.name, description: v.description, ...(v.project ? { project: v.project } : {}), ...made };
  const toggle = (i: number) => {
    const s = new Set(chosen);
    if (!s.delete(i)) s.add(i);
    set_chosen(s);
  };
  return (
    <Ask
      of={{
        title: w.template_save_title,
        text: <p>{w.template_save_text}</p>,
        yes: w.template_save_yes,
        call: { method: "POST", path: "/v1/templates", body },
        command: "reeve template save -f template.yaml",
        barred: !NAME.test(v.name),
        done: () => w.template_saved,
      }}
      close={(acted, reply) => (close(), acted && go(`/submit?mode=template&template=${(reply as Template).id}`))}
    >
      <div class="fields">
        <div class="field">
          <label for="template-name">{w.template_name}</label>
          <input id="template-name" data-first="" type="text" spellcheck={false} autocomplete="off" maxLength={64} aria-describedby="template-name-hint" aria-invalid={v.name !== "" && !NAME.test(v.name)} value={v.name} onInput={(e) => set_v({ ...v, name: e.currentTarget.value })} />
          <small id="template-name-hint">{w.template_name_hint}</small>
        </div>
        <div class="field">
          <label for="template-project">{w.template_for}</label>
          <select id="template-project" value={v.project} onChange={(e) => set_v({ ...v, project: e.currentTarget.value })}>
            <option value="">{w.template_for_me}</option>
            {projects_of_mine()
              .slice(0, 200)
              .map((p) => (
                <option key={p} value={p}>
                  {w.template_for_project(visible(p, 64))}
                </option>
              ))}
          </select>
        </div>
      </div>
      <div class="field">
        <label for="template-description">{w.template_description}</label>
        <textarea id="template-description" rows={2} maxLength={2000} value={v.description} onInput={(e) => set_v({ ...v, description: e.currentTarget.value })} />
      </div>
      <fieldset class="may-differ">
        <legend>{w.template_differs}</legend>
        {candidates.length === 0 && <p class="muted">{w.template_differs_none}</p>}
        {candidates.map((c, i) => (
          <label key={c.shown} class="check">
            <input type="checkbox" checked={chosen.has(i)} onChange={() => toggle(i)} />
            <span>
              <code>{visible(c.shown, 80)}</code> <span class="muted">{visible(String(c.value), 60)}</span>
              {chosen.has(i) && (
                <span class="muted small">
                  {" "}
                  {w.template_becomes} <code>{`{{${c.name}}}`}</code>
                </span>
              )}
            </span>
          </label>
        ))}
        <p class="muted small">{w.template_differs_hint}</p>
      </fieldset>
    </Ask>
  );
}

// A template as one text: what PUT takes.
function text_of(t: Template): string {
  const { name, description, project, parameters, job } = t;
  const slim = parameters.map((p) => Object.fromEntries(Object.entries(p).filter(([, v]) => v !== null && v !== "")));
  return `${JSON.stringify({ name, description, project, parameters: slim, job }, null, 2)}\n`;
}

function use_checked(body: Body | null, id: string): { problem: Problem | null; good: boolean } {
  const [checked, set_checked] = useState<{ text: string; problem: Problem | null } | null>(null);
  const text = body ? JSON.stringify(body) : "";
  useEffect(() => {
    if (!body) return;
    const abort = new AbortController();
    const ask = () =>
      send(path_of(`/v1/templates/${encodeURIComponent(id)}`, { dry_run: "true" }), { method: "PUT", body, signal: abort.signal })
        .then(() => set_checked({ text, problem: null }))
        .catch((reason: unknown) => abort.signal.aborted || set_checked({ text, problem: Problem.from(reason) }));
    const timer = setTimeout(() => void ask(), SETTLE_MS);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [text]);
  return { problem: checked?.problem ?? null, good: checked?.text === text && checked.problem === null };
}

const no_offers = () => Promise.resolve(null);

export function EditTemplate({ id }: { id: string }) {
  const [was, set_was] = useState<Template | Problem | null>(null);
  const [text, set_text] = useState("");
  const [problem, set_problem] = useState<Problem | null>(null);
  useEffect(() => {
    void get<Template>(`/v1/templates/${encodeURIComponent(id)}`).then(
      (t) => (set_text(text_of(t)), set_was(t)),
      (reason: unknown) => set_was(Problem.from(reason)),
    );
  }, [id]);
  const read = file_read(text);
  const body = was && !(was instanceof Problem) && typeof read.said !== "string" ? { ...read.said, version: was.version } : null;
  const checked = use_checked(body, id);
  const marks: Mark[] = body ? marks_of(read, checked.problem?.errors ?? []) : read.marks;
  if (was === null) return <p class="muted">{words.loading}</p>;
  if (was instanceof Problem) return <Failure problem={was} />;
  const save = async () => {
    try {
      await send(`/v1/templates/${was.id}`, { method: "PUT", body });
      go(`/submit?mode=template&template=${was.id}`);
    } catch (reason) {
      set_problem(Problem.from(reason));
    }
  };
  return (
    <>
      <h2>
        {w.template_edit} <Text of={was.name} max={64} />
      </h2>
      <Editor label={w.template_text} hint={w.template_text_hint} value={text} set={set_text} mode="yaml" marks={marks} lines={20} max={TEXT_MAX} offers={no_offers} />
      {checked.problem && checked.problem.errors.length === 0 && <Failure problem={checked.problem} />}
      {problem && <Failure problem={problem} />}
      <div class="buttons">
        <button type="button" onClick={() => go(`/submit?mode=template&template=${was.id}`)}>
          {words.act_no}
        </button>
        <button type="button" class="primary" disabled={!checked.good} onClick={() => void save()}>
          {w.template_save_yes}
        </button>
      </div>
    </>
  );
}
