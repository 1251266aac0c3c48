// SPDX-License-Identifier: Apache-2.0
// parts.tsx - what the pages about people are made of: a tab bar, fields, a secret that is shown once.

import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { Command, Failure, Notice } from "../parts/basic";
import { Ask, type Question } from "../parts/dialog";
import { Link, query, query_with } from "../router";
import { sheet_use } from "../sheet";
import text from "./people.sheet.css";
import { roles } from "./words";
import type { Role } from "./types";
import { w } from "./words";

sheet_use(text);

export interface Tab {
  name: string;
  word: string;
}

// The tab that the address names, among those there are.
export const tab_now = (tabs: Tab[]): string => tabs.find((t) => t.name === query.value.get("tab"))?.name ?? tabs[0]!.name;

export function TabBar({ tabs }: { tabs: Tab[] }) {
  const now = tab_now(tabs);
  return (
    <nav class="tabbar" aria-label={w.parts}>
      {tabs.map((t) => (
        <Link key={t.name} to={query_with({ tab: t.name === tabs[0]!.name ? null : t.name, project: null, cursor: null })} aria-current={t.name === now ? "page" : undefined}>
          {t.word}
        </Link>
      ))}
    </nav>
  );
}

interface FieldProps {
  label: string;
  value: string;
  set: (v: string) => void;
  type?: "text" | "password" | "number" | "email" | "url";
  hint?: string;
  need?: boolean;
  complete?: string;
  max?: number;
}

export function Field({ label, value, set, type = "text", hint, need, complete, max = 200 }: FieldProps) {
  return (
    <label class="field">
      <span>{label}</span>
      <input type={type as "text"} value={value} required={need ?? false} maxLength={max} spellcheck={false} autocomplete={complete ?? "off"} onInput={(e) => set(e.currentTarget.value)} />
      {hint && <small>{hint}</small>}
    </label>
  );
}

interface ChoiceProps<T extends string> {
  label: string;
  value: T;
  set: (v: T) => void;
  of: [T, string][];
}

export function Choice<T extends string>({ label, value, set, of }: ChoiceProps<T>) {
  return (
    <label class="field">
      <span>{label}</span>
      <select value={value} onChange={(e) => set(e.currentTarget.value as T)}>
        {of.map(([v, word]) => (
          <option key={v} value={v}>
            {word}
          </option>
        ))}
      </select>
    </label>
  );
}

export const role_choices = Object.entries(roles) as [Role, string][];

// Something that the server says once and never again.
export function Once({ title, secret, children }: { title: string; secret: string; children?: ComponentChildren }) {
  return (
    <Notice tone="good" icon="check" title={title}>
      <Command line={secret} />
      {children}
    </Notice>
  );
}

// A button that asks before it does something.
export function AskButton({ label, question, done, danger }: { label: string; question: Question; done: () => void; danger?: boolean }) {
  const [asked, set_asked] = useState(false);
  return (
    <>
      <button type="button" class={danger ? "danger" : ""} onClick={() => set_asked(true)}>
        {label}
      </button>
      {asked && (
        <Ask
          of={question}
          close={(acted) => {
            set_asked(false);
            if (acted) done();
          }}
        />
      )}
    </>
  );
}

// Fields folded away behind what they are for.
export function Fold({ title, children }: { title: string; children: ComponentChildren }) {
  return (
    <details class="fold">
      <summary>{title}</summary>
      {children}
    </details>
  );
}

export function Trouble({ of: problem }: { of: import("../api").Problem | null }) {
  if (!problem) return null;
  // Paths that an older server does not know.
  if (problem.status === 404 || problem.status === 405) return <p class="muted">{w.not_yet}</p>;
  return <Failure problem={problem} />;
}
