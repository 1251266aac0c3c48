// SPDX-License-Identifier: Apache-2.0
// submit.tsx - a small form for one job. It builds the body that the API takes and leaves all judging to the server.

import { useEffect, useState } from "preact/hooks";
import { me, path_of, post, Problem } from "../api";
import { argv_of } from "../argv";
import { Command, Failure, Notice } from "../parts/basic";
import { count, shell_word, visible } from "../format";
import { link } from "../live";
import { go } from "../router";
import { words } from "../strings";

interface Field {
  name: "name" | "cpus" | "memory" | "array" | "time_limit" | "inputs" | "outputs";
  label: string;
  hint: string;
  option: string;
  // Where it goes in the body; nothing when the field is empty.
  put: (body: Body, value: string) => void;
}

type Body = Record<string, unknown>;

const list = (value: string) =>
  value
    .split(",")
    .map((v) => v.trim())
    .filter(Boolean);

function resource(body: Body, name: string, value: unknown): void {
  body["resources"] = { ...(body["resources"] as Body | undefined), [name]: value };
}

const fields: Field[] = [
  { name: "name", label: words.form_name, hint: words.form_optional, option: "--name", put: (b, v) => (b["name"] = v) },
  {
    name: "cpus",
    label: words.form_cpus,
    hint: words.form_optional,
    option: "--cpus",
    put: (b, v) => resource(b, "cpus", /^\d{1,9}$/.test(v) ? Number(v) : v),
  },
  { name: "memory", label: words.form_memory, hint: words.form_memory_hint, option: "--memory", put: (b, v) => resource(b, "memory", v) },
  { name: "array", label: words.form_array, hint: words.form_array_hint, option: "--array", put: (b, v) => (b["array"] = v) },
  { name: "time_limit", label: words.form_time, hint: words.form_time_hint, option: "--time", put: (b, v) => (b["time_limit"] = v) },
  { name: "inputs", label: words.form_inputs, hint: words.form_inputs_hint, option: "--input", put: (b, v) => (b["inputs"] = list(v)) },
  { name: "outputs", label: words.form_outputs, hint: words.form_outputs_hint, option: "--output", put: (b, v) => (b["outputs"] = list(v)) },
];

const MANY = new Set(["inputs", "outputs"]);

type Values = Record<string, string>;

function body_of(v: Values): Body | string {
  const body: Body = {};
  if (v["kind"] === "script") {
    if (!v["script"]?.trim()) return words.form_empty;
    body["script"] = v["script"].replaceAll("\r\n", "\n");
  } else {
    const argv = argv_of(v["command"] ?? "");
    if (argv === null) return words.form_quote_open;
    if (argv.length === 0) return words.form_empty;
    body["command"] = argv;
  }
  if (v["project"]) body["project"] = v["project"];
  for (const f of fields) {
    const value = v[f.name]?.trim();
    if (value) f.put(body, value);
  }
  return body;
}

function command_of(v: Values): string {
  const options = v["project"] ? ["--project", v["project"]] : [];
  for (const f of fields) {
    const value = v[f.name]?.trim();
    if (value) for (const one of MANY.has(f.name) ? list(value) : [value]) options.push(f.option, one);
  }
  const what = v["kind"] === "script" ? ["SCRIPT"] : ["--", ...(argv_of(v["command"] ?? "") ?? [])];
  return ["reeve", "submit", ...options, ...what].map(shell_word).join(" ");
}

function What({ v, set }: { v: Values; set: (name: string, value: string) => void }) {
  const script = v["kind"] === "script";
  return (
    <>
      <div class="tabs" role="group" aria-label={words.form_kind}>
        <button type="button" aria-pressed={!script} onClick={() => set("kind", "command")}>
          {words.form_command}
        </button>
        <button type="button" aria-pressed={script} onClick={() => set("kind", "script")}>
          {words.form_script}
        </button>
      </div>
      <label class="field" key={script ? "script" : "command"}>
        <span>{script ? words.form_script_label : words.form_command_label}</span>
        {script ? (
          <textarea rows={10} spellcheck={false} maxLength={524_288} value={v["script"]} onInput={(e) => set("script", e.currentTarget.value)} />
        ) : (
          <input type="text" spellcheck={false} autocomplete="off" value={v["command"]} onInput={(e) => set("command", e.currentTarget.value)} />
        )}
        <small>{script ? words.form_script_hint : words.form_command_hint}</small>
      </label>
    </>
  );
}

export function Submit() {
  const projects = (me.value?.projects ?? []).map((p) => (typeof p === "string" ? p : p.name));
  const [v, set_v] = useState<Values>({ kind: "command", command: "", script: "#!/bin/sh\n", project: "" });
  const [busy, set_busy] = useState(false);
  const [said, set_said] = useState<{ ok: string; warnings: string[] } | Problem | null>(null);
  // One key for one intention: pressing twice, or again after a lost answer, makes one job.
  const [key, set_key] = useState<string>(new_key);
  useEffect(() => {
    document.title = `${words.submit} – ${words.product}`;
    link.value = { state: "idle" };
  }, []);
  const set = (name: string, value: string) => {
    set_v((old) => ({ ...old, [name]: value }));
    set_said(null);
    set_key(new_key());
  };
  const ask = async (dry: boolean) => {
    const body = body_of(v);
    if (typeof body === "string") return set_said(new Problem(0, "", body, ""));
    set_busy(true);
    try {
      const path = path_of("/v1/jobs", { dry_run: dry ? "true" : null });
      const job = await post<{ id?: number; tasks?: number; warnings?: string[] }>(path, body, dry ? {} : { "Idempotency-Key": key });
      if (!dry && job?.id) return go(`/jobs/${job.id}`);
      set_said({ ok: words.form_ok(count(job?.tasks ?? 1)), warnings: job?.warnings ?? [] });
    } catch (reason) {
      set_said(Problem.from(reason));
    } finally {
      set_busy(false);
    }
  };
  return (
    <section class="panel submit" aria-labelledby="submit-title">
      <header>
        <h1 id="submit-title">{words.submit}</h1>
      </header>
      <form
        onSubmit={(e) => {
          e.preventDefault();
          void ask(false);
        }}
      >
        <What v={v} set={set} />
        <div class="fields">
          {projects.length > 1 && (
            <label class="field">
              <span>{words.form_project}</span>
              <select value={v["project"]} onChange={(e) => set("project", e.currentTarget.value)}>
                <option value="">{visible(projects[0] ?? "", 60)}</option>
                {projects.slice(1, 200).map((p) => (
                  <option key={p} value={p}>
                    {visible(p, 60)}
                  </option>
                ))}
              </select>
            </label>
          )}
          {fields.map((f) => (
            <label class="field" key={f.name}>
              <span>{f.label}</span>
              <input type="text" spellcheck={false} autocomplete="off" maxLength={1000} value={v[f.name] ?? ""} onInput={(e) => set(f.name, e.currentTarget.value)} />
              <small>{f.hint}</small>
            </label>
          ))}
        </div>
        <div aria-live="polite">
          {said instanceof Problem ? (
            <Failure problem={said} />
          ) : (
            said && (
              <Notice tone="good" icon="check" title={said.ok}>
                {said.warnings.length > 0 && (
                  <ul>
                    {said.warnings.slice(0, 20).map((w) => (
                      <li>{visible(w)}</li>
                    ))}
                  </ul>
                )}
              </Notice>
            )
          )}
        </div>
        <div class="buttons">
          <button type="button" disabled={busy} onClick={() => void ask(true)}>
            {words.form_check}
          </button>
          <button class="primary" disabled={busy}>
            {busy ? words.form_busy : words.form_submit}
          </button>
        </div>
      </form>
      <p class="muted">{words.form_as}</p>
      <Command line={command_of(v)} />
    </section>
  );
}

// 128 random bits; crypto.randomUUID is missing on plain HTTP.
function new_key(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");
}
