// SPDX-License-Identifier: Apache-2.0
// basic.tsx - the small parts that every page is made of.

import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { Icon } from "./icon";
import { ago, exact, seconds, visible } from "../format";
import { tick } from "../live";
import { look_of, look_of_job, type IconName, type Machine, type Tone } from "../states";
import { words } from "../strings";
import type { Problem } from "../api";

// Text that somebody else wrote: isolated, so that it cannot reorder its neighbours, and nothing in it is hidden.
export function Text({ of, max }: { of: string | null | undefined; max?: number }) {
  return <bdi>{visible(of ?? "–", max)}</bdi>;
}

export function Badge({ icon, tone, children, title }: { icon: IconName; tone: Tone; children: ComponentChildren; title?: string }) {
  return (
    <span class={`badge ${tone}`} title={title}>
      <Icon name={icon} />
      <span>{children}</span>
    </span>
  );
}

export function State({ machine, of, title }: { machine: Machine; of: string; title?: string }) {
  const { icon, tone, word } = look_of(machine, of);
  return (
    <Badge icon={icon} tone={tone} {...(title ? { title } : {})}>
      {visible(word, 40)}
    </Badge>
  );
}

export function JobState({ of: j }: { of: { state: string; tasks: { placed: number } } }) {
  const { icon, tone, word } = look_of_job(j);
  return (
    <Badge icon={icon} tone={tone} title={j.state}>
      {visible(word, 40)}
    </Badge>
  );
}

// A moment, as the distance from now; the exact time is one hover (or one tap on the element) away.
export function Ago({ at }: { at: string | null | undefined }) {
  if (!at) return <>–</>;
  const ms = Date.parse(at);
  return (
    <time dateTime={at} title={exact(at)}>
      {Number.isNaN(ms) ? visible(at, 40) : ago(tick.value - ms)}
    </time>
  );
}

// How long something has been going on, or took if it has ended.
export function Lasting({ from, to }: { from: string | null; to: string | null }) {
  if (!from) return <>–</>;
  const end = to ? Date.parse(to) : tick.value;
  return <time title={exact(from)}>{seconds(to ? (end - Date.parse(from)) / 1000 : Math.floor((end - Date.parse(from)) / 1000))}</time>;
}

function copy_by_hand(text: string): boolean {
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "offscreen";
  (document.querySelector("dialog[open]") ?? document.body).append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  return done;
}

// The clipboard interface exists on HTTPS and localhost only; elsewhere the old way has to do.
async function copy_text(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copy_by_hand(text);
  }
}

export function Copy({ text }: { text: string }) {
  const [said, set_said] = useState("");
  const copy = async () => {
    set_said((await copy_text(text)) ? words.copied : words.copy_failed);
    setTimeout(() => set_said(""), 2500);
  };
  return (
    <button type="button" class="quiet copy" onClick={copy} aria-label={said || `${words.copy}: ${visible(text, 80)}`}>
      <Icon name={said === words.copied ? "check" : "copy"} />
      <span aria-live="polite">{said || words.copy}</span>
    </button>
  );
}

// A command line to take away.
export function Command({ line }: { line: string }) {
  return (
    <div class="command">
      <code>{visible(line, 2000)}</code>
      <Copy text={line} />
    </div>
  );
}

export function Notice({ tone, icon, title, children }: { tone: Tone; icon: IconName; title: ComponentChildren; children?: ComponentChildren }) {
  return (
    <div class={`notice ${tone}`}>
      <Icon name={icon} />
      <div>
        <strong>{title}</strong>
        {children}
      </div>
    </div>
  );
}

export function Failure({ problem }: { problem: Problem }) {
  return (
    <div role="alert">
      <Notice tone="bad" icon="warn" title={visible(problem.title)}>
        {problem.detail && <p>{visible(problem.detail, 1000)}</p>}
        {problem.errors.length > 0 && (
          <ul>
            {problem.errors.slice(0, 20).map((e) => (
              <li>
                <code>{visible(e.pointer, 100)}</code> {visible(e.detail)}
              </li>
            ))}
          </ul>
        )}
      </Notice>
    </div>
  );
}

// The same over a page that still shows what it knew: laid on top, so that nothing moves.
export function Toast({ problem }: { problem: Problem }) {
  return (
    <div class="toast">
      <Failure problem={problem} />
    </div>
  );
}

// `whole`: it stands for the whole page and is its heading.
export function Empty({ title, children, whole }: { title: string; children?: ComponentChildren; whole?: boolean }) {
  return (
    <div class="empty">
      {whole ? <h1>{title}</h1> : <p>{title}</p>}
      {children}
    </div>
  );
}

export function Section({ title, id, children, aside }: { title: ComponentChildren; id: string; children: ComponentChildren; aside?: ComponentChildren }) {
  return (
    <section class="panel" aria-labelledby={id}>
      <header>
        <h2 id={id}>{title}</h2>
        {aside}
      </header>
      {children}
    </section>
  );
}

// What waits above a list, so that the list itself does not move under the reader.
export function Fresh({ label, n, onClick }: { label: (n: string) => string; n: number; onClick: () => void }) {
  return (
    <div class="fresh" aria-live="polite">
      {n > 0 && (
        <button type="button" onClick={onClick}>
          {label(n >= 100 ? "99+" : String(n))}
        </button>
      )}
    </div>
  );
}
