// SPDX-License-Identifier: Apache-2.0
// keys.ts - single keys that do something, besides Tab and Enter, which do everything.
//
// A page binds its own for as long as it is shown; "g j" is two keys, one after the other. Keys are left alone while
// somebody writes, while a dialog is open (it has keys of its own), and with Ctrl, Alt or Meta held.

import { useEffect } from "preact/hooks";

export interface Key {
  key: string; // "j", "?", "g j", "Ctrl+k"
  what: string;
  act: () => void;
  own?: string; // as the page has it, where the reader chose another one
}

// Keys that the reader chose instead of the pages' own: {"j": "n"}; "" for none. Kept in this browser.
const STORE = "reeve-keys";
let chosen: Record<string, string> = {};
try {
  const kept: unknown = JSON.parse(localStorage.getItem(STORE) ?? "{}");
  if (kept && typeof kept === "object") chosen = Object.fromEntries(Object.entries(kept).filter((e): e is [string, string] => typeof e[1] === "string"));
} catch {
  // storage may be forbidden, or hold what an older page wrote
}

function store(): void {
  try {
    localStorage.setItem(STORE, JSON.stringify(chosen));
  } catch {
    // then it lasts as long as the page
  }
}

export const key_of = (own: string): string => chosen[own] ?? own;

export function key_set(own: string, to: string): void {
  if (to === own) delete chosen[own];
  else chosen[own] = to;
  store();
}

export function keys_reset(): void {
  chosen = {};
  store();
}

// Which of the others has that key already, or begins with it, or is what it begins with.
export function keys_taken(own: string, to: string, others: string[]): string | null {
  return others.find((o) => o !== own && key_of(o) !== "" && (key_of(o) === to || key_of(o).startsWith(`${to} `) || to.startsWith(`${key_of(o)} `))) ?? null;
}

const CHAIN_MS = 1500;
const bound = new Set<Key[]>();
let prefix = "";
let prefix_at = 0;

export const keys_bound = (): Key[] =>
  [...bound]
    .reverse()
    .flat()
    .map((k) => (chosen[k.key] === undefined ? k : { ...k, own: k.key, key: chosen[k.key]! }))
    .filter((k) => k.key !== "");

const writes = (t: EventTarget | null) =>
  t instanceof HTMLElement && (t.isContentEditable || t instanceof HTMLSelectElement || t instanceof HTMLTextAreaElement || (t instanceof HTMLInputElement && !/^(checkbox|radio|button)$/.test(t.type)));

function find(key: string): Key | undefined {
  return keys_bound().find((k) => k.key === key);
}

addEventListener("keydown", (e) => {
  if (e.defaultPrevented || e.isComposing) return;
  const open = document.querySelector("dialog[open]") !== null;
  if ((e.ctrlKey || e.metaKey) && !e.altKey && e.key.toLowerCase() === "k") {
    const k = find("Ctrl+k");
    if (!k || open) return;
    e.preventDefault();
    k.act();
    return;
  }
  if (open || writes(e.composedPath()[0] ?? null) || e.ctrlKey || e.metaKey || e.altKey) return;
  const chain = prefix && Date.now() - prefix_at < CHAIN_MS ? `${prefix} ${e.key}` : e.key;
  prefix = "";
  const k = find(chain);
  if (k) {
    e.preventDefault();
    k.act();
  } else if (keys_bound().some((b) => b.key.startsWith(`${e.key} `))) {
    prefix = e.key;
    prefix_at = Date.now();
  }
});

// Bind keys while the component is shown. What they do may change from one rendering to the next.
export function use_keys(keys: Key[]): void {
  useEffect(() => {
    bound.add(keys);
    return () => void bound.delete(keys);
  });
}
