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

// Something that was asked for and is not done yet: for a while it can be taken back. One at a time: the next one makes
// the one before it happen at once. It is this page that waits; whoever closes it takes it back, too.
interface Later {
  text: string;
  at: number;
  act: () => Promise<void>;
}
const UNDO_MS = 10_000;
const later = signal<Later | null>(null);
const left_s = signal(0);
let clock: ReturnType<typeof setInterval> | undefined;

function later_end(does: boolean): void {
  const l = later.value;
  clearInterval(clock);
  later.value = null;
  if (l && does) void l.act().catch((reason: unknown) => say(Problem.from(reason).detail || Problem.from(reason).title));
  else if (l) say(words.undone);
}

export function do_later(text: string, act: () => Promise<void>): void {
  later_end(true);
  later.value = { text, act, at: Date.now() + UNDO_MS };
  const count = () => {
    left_s.value = Math.max(0, Math.ceil(((later.value?.at ?? 0) - Date.now()) / 1000));
    if (later.value && left_s.value === 0) later_end(true);
  };
  clock = setInterval(count, 250);
  count();
}
addEventListener("beforeunload", (e) => later.value && e.preventDefault());

export function Said() {
  return (
    <div class="said" role="status">
      {later.value && (
        <p class="later">
          <span>{words.undo_in(later.value.text, left_s.value)}</span>
          <button type="button" onClick={() => later_end(false)}>
            {words.undo}
          </button>
          <button type="button" onClick={() => later_end(true)}>
            {words.undo_now}
          </button>
        </p>
      )}
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
  // It is done some seconds later, and can be taken back until then: what is said meanwhile.
  undo?: string;
  // When it was done later: what is looked at again.
  after?: () => void;
}

export function Ask({ of: q, close, children }: { of: Question; close: (acted: boolean, reply?: unknown) => void; children?: ComponentChildren }) {
  const [busy, set_busy] = useState(false);
  const [problem, set_problem] = useState<Problem | null>(null);
  const act = async (e: SubmitEvent) => {
    e.preventDefault();
    if (q.undo) {
      do_later(q.undo, async () => {
        await send(q.call.path, { method: q.call.method, body: q.call.body ?? {} });
        if (q.done) say(q.done(null));
        q.after?.();
      });
      return close(false);
    }
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
