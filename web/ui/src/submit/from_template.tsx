// SPDX-License-Identifier: Apache-2.0
// from_template.tsx - a job from a template: pick one, say what differs this time.

import { useEffect, useState } from "preact/hooks";
import { get, Problem, send } from "../api";
import { Ago, Failure, Text } from "../parts/basic";
import { Ask } from "../parts/dialog";
import { count, shell_word, visible } from "../format";
import { go, Link, path_with } from "../router";
import { words } from "../strings";
import type { Body } from "./body";
import { Inputs } from "./inputs";
import { values_of_form, type Parameter, type Template } from "./template";
import { w } from "./words";

const SETTLE_MS = 400;

export interface Made {
  job: Body | null;
  why: string | null; // why there is none
  command: string;
}

interface FieldProps {
  of: Parameter;
  value: string | undefined;
  set: (text: string) => void;
  wrong: string[];
}

function Control({ of: p, value, set, id, bad }: FieldProps & { id: string; bad: boolean }) {
  const common = { id, "aria-invalid": bad, "aria-describedby": `${id}-hint`, required: p.default === null };
  const shown = value ?? (p.default === null ? "" : String(p.default));
  if (p.kind === "switch")
    return (
      <select {...common} value={shown || "false"} onChange={(e) => set(e.currentTarget.value)}>
        <option value="false">{w.no}</option>
        <option value="true">{w.yes}</option>
      </select>
    );
  if (p.kind === "choice")
    return (
      <select {...common} value={shown} onChange={(e) => set(e.currentTarget.value)}>
        {p.default === null && <option value="">{w.choose}</option>}
        {(p.choices ?? []).map((c) => (
          <option key={c} value={c}>
            {visible(c, 80)}
          </option>
        ))}
      </select>
    );
  return <input {...common} type="text" inputMode={p.kind === "integer" ? "numeric" : "text"} spellcheck={false} autocomplete="off" maxLength={1000} value={shown} onInput={(e) => set(e.currentTarget.value)} />;
}

const bounds = (p: Parameter) => (p.kind === "integer" && (p.min !== null || p.max !== null) ? w.bounds(p.min === null ? null : count(p.min), p.max === null ? null : count(p.max)) : w.kind_hint[p.kind]);

function OneParameter(f: FieldProps) {
  const p = f.of;
  const id = `parameter-${p.name}`;
  return (
    <div class="field">
      <label for={id}>
        {visible(p.label || p.name, 100)}
        {p.default === null && <span class="muted"> {w.needed}</span>}
      </label>
      <Control {...f} id={id} bad={f.wrong.length > 0} />
      <div id={`${id}-hint`} class="hints">
        <small>{[p.help && visible(p.help, 500), bounds(p)].filter(Boolean).join(" · ")}</small>
        {f.wrong.map((text) => (
          <small key={text} class="wrong">
            {visible(text, 300)}
          </small>
        ))}
      </div>
      {p.kind === "dataset" && <Inputs value={f.value ?? String(p.default ?? "")} set={(v) => f.set(v.split(",").at(-1)!.trim())} />}
    </div>
  );
}

function List({ items, pick }: { items: Template[]; pick: (id: number) => void }) {
  const [text, set_text] = useState("");
  const word = text.trim().toLowerCase();
  const shown = items.filter((t) => !word || [t.name, t.description, t.project ?? "", t.by].some((s) => s.toLowerCase().includes(word)));
  if (items.length === 0) return <p class="empty">{w.templates_none}</p>;
  return (
    <>
      {items.length > 6 && (
        <div class="field">
          <label for="template-filter">{w.templates_filter}</label>
          <input id="template-filter" type="text" spellcheck={false} autocomplete="off" value={text} onInput={(e) => set_text(e.currentTarget.value)} />
        </div>
      )}
      <ul class="templates">
        {shown.slice(0, 200).map((t) => (
          <li key={t.id}>
            <button type="button" onClick={() => pick(t.id)}>
              <b>
                <Text of={t.name} max={64} />
              </b>
              <span class="muted small">
                {t.project === null ? w.template_own : w.template_of(visible(t.project, 64), visible(t.by, 64))} · {w.template_asks(t.parameters.length)}
              </span>
              {t.description && <span>{visible(t.description, 240)}</span>}
            </button>
          </li>
        ))}
      </ul>
    </>
  );
}

// What the server makes of the values; asked when they have stood still for a moment.
function use_filled(t: Template | null, form: Record<string, string>) {
  const [filled, set_filled] = useState<{ job: Body } | Problem | null>(null);
  const values = t ? values_of_form(t.parameters, form) : {};
  const text = JSON.stringify(values);
  const missing = t?.parameters.some((p) => p.default === null && (values[p.name] === undefined || values[p.name] === "")) ?? false;
  useEffect(() => {
    set_filled(null);
    if (!t || missing) return;
    const abort = new AbortController();
    const ask = () =>
      send(`/v1/templates/${t.id}/fill`, { method: "POST", body: { values }, signal: abort.signal })
        .then(async (reply) => set_filled((await reply.json()) as { job: Body }))
        .catch((reason: unknown) => abort.signal.aborted || set_filled(Problem.from(reason)));
    const timer = setTimeout(() => void ask(), SETTLE_MS);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [t, text]);
  return { filled, values, missing };
}

const command_of = (t: Template, values: Body) => ["reeve", "template", "run", t.name, ...Object.entries(values).flatMap(([k, v]) => ["--set", `${k}=${String(v)}`])].map(shell_word).join(" ");

function Filled({ of: t, form, set, on_made, back, edit }: { of: Template; form: Record<string, string>; set: (name: string, value: string) => void; on_made: (m: Made) => void; back: () => void; edit: (job: Body) => void }) {
  const { filled, values, missing } = use_filled(t, form);
  const [removing, set_removing] = useState(false);
  const command = command_of(t, values);
  const wrong = filled instanceof Problem ? filled : null;
  useEffect(() => on_made({ job: filled && !wrong ? (filled as { job: Body }).job : null, why: missing ? w.template_missing : wrong ? w.template_wrong : null, command }), [filled, missing, command]);
  const at = (p: Parameter) => wrong?.errors.filter((e) => e.pointer === `/values/${p.name}`).map((e) => e.detail) ?? [];
  return (
    <>
      <header class="template-head">
        <h2>
          <Text of={t.name} max={64} />
        </h2>
        <button type="button" class="quiet" onClick={back}>
          {w.template_other}
        </button>
      </header>
      {t.description && <p class="pre">{visible(t.description, 2000)}</p>}
      <p class="muted small">
        {t.project === null ? w.template_own : w.template_of(visible(t.project, 64), visible(t.by, 64))} · {w.template_version(t.version)} <Ago at={t.changed_at} /> · <Link to={path_with("/jobs", { label: `template:${t.name}` })}>{w.template_jobs}</Link>
      </p>
      <div class="fields">
        {t.parameters.map((p) => (
          <OneParameter key={p.name} of={p} value={form[p.name]} set={(v) => set(p.name, v)} wrong={at(p)} />
        ))}
      </div>
      {wrong && wrong.errors.length === 0 && <Failure problem={wrong} />}
      <p class="buttons left">
        <button type="button" disabled={!filled || !!wrong} onClick={() => edit((filled as { job: Body }).job)}>
          {w.template_as_file}
        </button>
        {t.may_change && (
          <>
            <Link to={`/submit?mode=template&edit=${t.id}`} class="button">
              {w.template_edit}
            </Link>
            <button type="button" class="danger" onClick={() => set_removing(true)}>
              {w.template_remove}
            </button>
          </>
        )}
      </p>
      {removing && (
        <Ask
          of={{
            title: w.template_remove_title,
            text: <p>{w.template_remove_text(visible(t.name, 64))}</p>,
            yes: w.template_remove_yes,
            danger: true,
            call: { method: "DELETE", path: `/v1/templates/${t.id}` },
            command: `reeve template remove ${shell_word(t.name)}`,
            done: () => w.template_removed,
          }}
          close={(acted) => (set_removing(false), acted && back())}
        />
      )}
    </>
  );
}

export function FromTemplate({ id, on_made, edit }: { id: string | null; on_made: (m: Made) => void; edit: (job: Body) => void }) {
  const [list, set_list] = useState<Template[] | Problem | null>(null);
  const [one, set_one] = useState<Template | Problem | null>(null);
  const [form, set_form] = useState<Record<string, string>>({});
  useEffect(() => {
    on_made({ job: null, why: null, command: "reeve template list" });
    set_one(null);
    set_form({});
    if (id === null) void get<{ items: Template[] }>("/v1/templates").then((p) => set_list(p.items), (reason: unknown) => set_list(Problem.from(reason)));
    else void get<Template>(`/v1/templates/${encodeURIComponent(id)}`).then(set_one, (reason: unknown) => set_one(Problem.from(reason)));
  }, [id]);
  const shown = id === null ? list : one;
  if (shown === null) return <p class="muted">{words.loading}</p>;
  if (shown instanceof Problem) return <Failure problem={shown} />;
  if (Array.isArray(shown)) return <List items={shown} pick={(t) => go(`/submit?mode=template&template=${t}`)} />;
  return <Filled of={shown} form={form} set={(name, value) => set_form({ ...form, [name]: value })} on_made={on_made} back={() => go("/submit?mode=template")} edit={edit} />;
}
