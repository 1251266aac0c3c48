// SPDX-License-Identifier: Apache-2.0
// api_docs.tsx - the API as the server describes it, route by route, each to be tried under the session of the reader.

import { useEffect, useMemo, useState } from "preact/hooks";
import { get, Problem, send } from "../api";
import { Badge, Command, Failure, Notice } from "../parts/basic";
import { curl_of, type Call } from "../parts/dialog";
import { visible, visible_lines } from "../format";
import { link } from "../live";
import { query, query_set } from "../router";
import { words } from "../strings";
import { w } from "./words";
import "./style";

type Schema = { type?: string | string[]; $ref?: string; properties?: Record<string, Schema>; items?: Schema; required?: string[]; enum?: unknown[]; description?: string; anyOf?: Schema[]; oneOf?: Schema[]; minimum?: number; maximum?: number; maxLength?: number; format?: string };
interface Parameter {
  name: string;
  in: "path" | "query" | "header";
  required?: boolean;
  description?: string;
  schema?: Schema;
}
interface Operation {
  summary?: string;
  operationId?: string;
  parameters?: Parameter[];
  requestBody?: { content?: Record<string, { schema?: Schema }> };
  responses?: Record<string, { $ref?: string; description?: string; content?: Record<string, { schema?: Schema }> }>;
  "x-reeve-rule"?: string;
  "x-reeve-scope"?: string;
}
interface Document {
  info?: { title?: string; version?: string };
  paths: Record<string, Record<string, Operation>>;
  components?: { schemas?: Record<string, Schema> };
}
interface Route {
  id: string;
  method: string;
  path: string;
  op: Operation;
}

const METHODS = ["get", "post", "put", "patch", "delete"];
const ANSWER_MAX = 20_000; // characters shown
const DEPTH_MAX = 3; // of objects inside objects

function routes_of(doc: Document): Route[] {
  return Object.entries(doc.paths).flatMap(([path, ops]) =>
    METHODS.flatMap((m) => (ops[m] ? [{ id: `${m} ${path}`, method: m.toUpperCase(), path, op: ops[m] }] : [])),
  );
}

// "/v1/jobs/{id}/log" and "/v1/jobs:cancel" stand together.
const group_of = (path: string) => path.replace(/^\/v1\//, "").split(/[/:.]/)[0] || path.slice(1);

function resolve(doc: Document, s: Schema | undefined): Schema {
  const name = s?.$ref?.split("/").pop();
  return (name ? doc.components?.schemas?.[name] : s) ?? {};
}

function type_of(s: Schema): string {
  const base = Array.isArray(s.type) ? s.type.join(" or ") : (s.type ?? (s.$ref ? s.$ref.split("/").pop()! : (s.anyOf ?? s.oneOf ?? []).map(type_of).join(" or ")));
  const of = s.items ? ` of ${type_of(s.items)}` : "";
  const range = s.minimum !== undefined || s.maximum !== undefined ? ` ${s.minimum ?? ""}…${s.maximum ?? ""}` : "";
  const choice = s.enum ? `: ${s.enum.filter((v) => v !== null).join(" | ")}` : "";
  return `${base}${of}${range}${choice}`;
}

function Members({ doc, of, depth = 0 }: { doc: Document; of: Schema; depth?: number }) {
  const s = resolve(doc, of);
  const inner = s.type === "array" || s.items ? resolve(doc, s.items) : s;
  const list = Object.entries(inner.properties ?? {});
  if (list.length === 0) return <p class="muted">{type_of(of) || w.api_any}</p>;
  return (
    <dl class="members">
      {list.map(([name, m]) => {
        const one = (m.anyOf ?? m.oneOf ?? []).find((x) => x.type !== "null") ?? m;
        const below = resolve(doc, one.items ?? one);
        return (
          <div key={name}>
            <dt>
              <code>{visible(name, 80)}</code>
              {inner.required?.includes(name) && of.$ref === undefined && <span class="needed"> {w.api_needed}</span>}
            </dt>
            <dd>
              <span class="muted">{visible(type_of(m), 200)}</span> {visible(m.description ?? "", 300)}
              {below.properties && depth < DEPTH_MAX && (
                <details>
                  <summary>{w.api_inside}</summary>
                  <Members doc={doc} of={one.items ?? one} depth={depth + 1} />
                </details>
              )}
            </dd>
          </div>
        );
      })}
    </dl>
  );
}

interface Answer {
  status: number;
  took: number;
  headers: [string, string][];
  text: string;
}

function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

function Try({ of: r }: { of: Route }) {
  const [values, set_values] = useState<Record<string, string>>({});
  const [body, set_body] = useState("{}");
  const [answer, set_answer] = useState<Answer | Problem | null>(null);
  const [busy, set_busy] = useState(false);
  const parameters = (r.op.parameters ?? []).filter((p) => p.in !== "header");
  const with_body = r.op.requestBody?.content?.["application/json"] !== undefined;
  const dry = parameters.some((p) => p.name === "dry_run");
  const path = r.path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(values[name] ?? "") || `{${name}}`);
  const q = new URLSearchParams(parameters.filter((p) => p.in === "query" && values[p.name]).map((p) => [p.name, values[p.name]!])).toString();
  const whole = q ? `${path}?${q}` : path;
  let json: unknown;
  let wrong = "";
  if (with_body) {
    try {
      json = JSON.parse(body || "{}");
    } catch (e) {
      wrong = (e as Error).message;
    }
  }
  const open = /\{\w+\}/.test(path);
  const call: Call = { method: r.method as Call["method"], path: whole, ...(with_body ? { body: json } : {}) };
  const ask = async (e: SubmitEvent) => {
    e.preventDefault();
    set_busy(true);
    const began = performance.now();
    try {
      const reply = await send(whole, { method: r.method, ...(with_body ? { body: json } : {}) });
      const text = (await reply.text()).slice(0, ANSWER_MAX + 1);
      set_answer({ status: reply.status, took: performance.now() - began, headers: [...reply.headers].filter(([n]) => /^(etag|reeve-|content-type|location)/.test(n)), text });
    } catch (reason) {
      set_answer(Problem.from(reason));
    }
    set_busy(false);
  };
  return (
    <form class="try" onSubmit={ask}>
      <div class="fields">
        {parameters.map((p) => (
          <label key={p.name} class="field">
            <span>
              {visible(p.name, 60)}
              {p.in === "path" && <span class="needed"> {w.api_needed}</span>}
            </span>
            <input type="text" maxLength={2000} spellcheck={false} autocomplete="off" value={values[p.name] ?? ""} onInput={(e) => set_values({ ...values, [p.name]: e.currentTarget.value })} />
            <small>{visible(p.description ?? "", 200)}</small>
          </label>
        ))}
      </div>
      {with_body && (
        <label class="field">
          <span>{w.api_body}</span>
          <textarea rows={5} spellcheck={false} maxLength={1_000_000} aria-invalid={wrong !== ""} value={body} onInput={(e) => set_body(e.currentTarget.value)} />
          {wrong && <small class="wrong">{visible(wrong, 200)}</small>}
        </label>
      )}
      {r.method !== "GET" && <Notice tone="warn" icon="warn" title={dry ? w.api_changes_dry : w.api_changes} />}
      <Command line={curl_of(call)} />
      <div class="under-acts">
        <button class={r.method === "GET" ? "primary" : r.method === "DELETE" ? "danger" : ""} disabled={busy || open || wrong !== ""}>
          {busy ? words.form_busy : w.api_send}
        </button>
        {open && <span class="muted">{w.api_fill}</span>}
      </div>
      <div aria-live="polite">
        {answer instanceof Problem && <Failure problem={answer} />}
        {answer && !(answer instanceof Problem) && (
          <>
            <p>
              <Badge icon="check" tone="good">
                {answer.status}
              </Badge>{" "}
              <span class="muted">{w.api_took(answer.took.toFixed(0))}</span>
            </p>
            {answer.headers.length > 0 && <pre class="code">{answer.headers.map(([n, v]) => `${n}: ${visible(v, 300)}`).join("\n")}</pre>}
            <pre class="code" tabIndex={0}>
              {visible_lines(pretty(answer.text).slice(0, ANSWER_MAX))}
              {answer.text.length > ANSWER_MAX ? `\n${w.api_cut}` : ""}
            </pre>
          </>
        )}
      </div>
    </form>
  );
}

function One({ doc, of: r, open }: { doc: Document; of: Route; open: boolean }) {
  const [shown, set_shown] = useState(open);
  const body = r.op.requestBody?.content ?? {};
  return (
    <details class="route" open={open} id={r.id.replace(/[^a-z0-9]+/gi, "-")} onToggle={(e) => e.currentTarget.open && set_shown(true)}>
      <summary>
        <b class={`method ${r.method.toLowerCase()}`}>{r.method}</b> <code>{visible(r.path, 200)}</code> <span class="muted">{visible(r.op.summary ?? "", 200)}</span>
      </summary>
      {shown && (
        <div class="route-body">
          <p class="muted">
            {w.api_rule(r.op["x-reeve-rule"] ?? "user")}
            {r.op["x-reeve-scope"] && ` · ${w.api_scope(r.op["x-reeve-scope"])}`}
          </p>
          {Object.entries(body).map(([type, c]) => (
            <div key={type}>
              <h3>
                {w.api_body} <code>{type}</code>
              </h3>
              <Members doc={doc} of={c.schema ?? {}} />
            </div>
          ))}
          <h3>{w.api_answers}</h3>
          <ul class="answers">
            {Object.entries(r.op.responses ?? {}).map(([status, reply]) => {
              const schema = reply.content?.["application/json"]?.schema;
              const problem = reply.$ref !== undefined || Number(status) >= 400;
              return (
                <li key={status}>
                  <b>{status}</b> {problem ? <a href={`/docs/errors#${status}`}>{w.api_problem}</a> : visible(reply.description ?? "", 200)}
                  {schema && (
                    <details>
                      <summary>{w.api_inside}</summary>
                      <Members doc={doc} of={schema} />
                    </details>
                  )}
                </li>
              );
            })}
          </ul>
          <h3>{w.api_try}</h3>
          <Try of={r} />
        </div>
      )}
    </details>
  );
}

export function ApiDocs() {
  const [doc, set_doc] = useState<Document | Problem | null>(null);
  useEffect(() => {
    document.title = `${words.api_docs} – ${words.product}`;
    link.value = { state: "idle" };
    void get<Document>("/v1/openapi.json").then(set_doc, (reason: unknown) => set_doc(Problem.from(reason)));
  }, []);
  const find = query.value.get("find") ?? "";
  const [text, set_text] = useState(find);
  const groups = useMemo(() => {
    if (!doc || doc instanceof Problem) return [];
    const wanted = find.toLowerCase().split(/\s+/).filter(Boolean);
    const fits = (r: Route) => wanted.every((part) => `${r.method} ${r.path} ${r.op.summary ?? ""}`.toLowerCase().includes(part));
    const by_group = new Map<string, Route[]>();
    for (const r of routes_of(doc).filter(fits)) by_group.set(group_of(r.path), [...(by_group.get(group_of(r.path)) ?? []), r]);
    return [...by_group];
  }, [doc, find]);
  if (doc instanceof Problem) return <Failure problem={doc} />;
  const n = groups.reduce((sum, [, routes]) => sum + routes.length, 0);
  return (
    <section class="panel api-docs" aria-labelledby="api-title">
      <header>
        <h1 id="api-title">{w.api_title}</h1>
        <a href="/v1/openapi.json" download="openapi.json">
          {w.api_openapi}
        </a>
      </header>
      <p class="muted">{w.api_lead}</p>
      <label class="field api-find">
        <span>{w.api_find}</span>
        <input
          type="search"
          maxLength={100}
          spellcheck={false}
          placeholder={w.api_find_hint}
          value={text}
          onInput={(e) => {
            set_text(e.currentTarget.value);
            query_set({ find: e.currentTarget.value });
          }}
        />
        <small aria-live="polite">{doc ? w.api_found(String(n)) : words.loading}</small>
      </label>
      {groups.map(([name, routes]) => (
        <div key={name} class="route-group">
          <h2>{visible(name, 60)}</h2>
          {routes.map((r) => doc && <One key={r.id} doc={doc} of={r} open={n === 1} />)}
        </div>
      ))}
    </section>
  );
}
