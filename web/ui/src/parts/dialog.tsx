// SPDX-License-Identifier: Apache-2.0
// dialog.tsx - ask before something is done: what it will do, and how to do it without this page.

import { signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { Problem, send } from "../api";
import { Command, Failure } from "./basic";
import { shell_word } from "../format";
import { words } from "../strings";

export interface Call {
  method: "GET" | "POST" | "PATCH" | "DELETE";
  path: string;
  body?: unknown;
}

export function curl_of(c: Call): string {
  const method = c.method === "GET" ? [] : ["-X", c.method];
  const body = c.body === undefined ? [] : ["-H", "Content-Type: application/json", "-d", JSON.stringify(c.body)];
  return `curl ${[...method, ...body].map(shell_word).join(" ")}${method.length ? " " : ""}-H "Authorization: Bearer $REEVE_TOKEN" ${shell_word(location.origin + c.path)}`;
}

// One line that says what was done, for a while; read aloud politely.
const said = signal("");
let quiet: ReturnType<typeof setTimeout> | undefined;

export function say(text: string): void {
  said.value = text;
  clearTimeout(quiet);
  quiet = setTimeout(() => (said.value = ""), 6000);
}

export function Said() {
  return (
    <div class="said" role="status">
      {said.value && <p>{said.value}</p>}
    </div>
  );
}

export function Modal({ title, close, children, wide }: { title: ComponentChildren; close: () => void; children: ComponentChildren; wide?: boolean }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    dialog.current?.showModal();
    dialog.current?.querySelector<HTMLElement>("[data-first]")?.focus();
  }, []);
  return (
    <dialog ref={dialog} class={wide ? "wide-dialog" : ""} aria-labelledby="dialog-title" onClose={close}>
      <h2 id="dialog-title">{title}</h2>
      {children}
    </dialog>
  );
}

// Both ways to do the same without the page, folded away.
export function Elsewhere({ command, call }: { command?: string | undefined; call: Call }) {
  return (
    <details class="elsewhere">
      <summary>{words.elsewhere}</summary>
      {command && <Command line={command} />}
      <Command line={curl_of(call)} />
    </details>
  );
}

export interface Question {
  title: string;
  text: ComponentChildren;
  yes: string;
  danger?: boolean;
  call: Call;
  headers?: Record<string, string>;
  command?: string;
  // What is said when it is done; also gets the reply.
  done?: (reply: unknown) => string;
  // It may not be done as things stand.
  barred?: boolean;
}

export function Ask({ of: q, close, children }: { of: Question; close: (acted: boolean, reply?: unknown) => void; children?: ComponentChildren }) {
  const [busy, set_busy] = useState(false);
  const [problem, set_problem] = useState<Problem | null>(null);
  const act = async (e: SubmitEvent) => {
    e.preventDefault();
    set_busy(true);
    try {
      const reply = await send(q.call.path, { method: q.call.method, ...(q.call.method === "DELETE" ? {} : { body: q.call.body ?? {} }), ...(q.headers ? { headers: q.headers } : {}) });
      const text = await reply.text();
      const body: unknown = text ? JSON.parse(text) : null;
      if (q.done) say(q.done(body));
      close(true, body);
    } catch (reason) {
      set_problem(Problem.from(reason));
      set_busy(false);
    }
  };
  return (
    <Modal title={q.title} close={() => close(false)}>
      <form method="dialog" onSubmit={act}>
        <div class="consequence">{q.text}</div>
        {children}
        {problem && <Failure problem={problem} />}
        <Elsewhere command={q.command} call={q.call} />
        <div class="buttons">
          <button type="button" data-first={children ? undefined : ""} onClick={() => close(false)}>
            {words.act_no}
          </button>
          <button class={q.danger ? "danger" : "primary"} disabled={busy || q.barred}>
            {busy ? words.form_busy : q.yes}
          </button>
        </div>
      </form>
    </Modal>
  );
}
