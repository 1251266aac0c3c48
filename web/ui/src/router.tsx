// SPDX-License-Identifier: Apache-2.0
// router.tsx - the address bar as a signal, and links that change it without a reload.
//
// All state worth sharing lives in the address: which page, which job, task, stream and filter. A page reads `query`;
// it changes it by query_set, which replaces the entry, or by a Link, which adds one.

import { computed, signal } from "@preact/signals";
import type { ComponentChildren } from "preact";

const here = signal(location.pathname + location.search);
addEventListener("popstate", () => (here.value = location.pathname + location.search));

export const path = computed(() => here.value.split("?")[0] ?? "/");
export const query = computed(() => new URLSearchParams(here.value.split("?")[1] ?? ""));

export function go(to: string, how: "push" | "replace" = "push"): void {
  if (how === "push") history.pushState(null, "", to);
  else history.replaceState(null, "", to);
  const page_before = path.value;
  here.value = to;
  if (path.value !== page_before) scrollTo(0, 0);
}

// Change some parameters of the query; null removes one.
export function query_set(change: Record<string, string | null>): void {
  go(query_with(change), "replace");
}

export function query_with(change: Record<string, string | null>): string {
  const q = new URLSearchParams(query.value);
  for (const [name, value] of Object.entries(change)) {
    if (value === null || value === "") q.delete(name);
    else q.set(name, value);
  }
  const text = q.toString();
  return text ? `${path.value}?${text}` : path.value;
}

// A path with parameters; null ones are left out.
export function path_with(base: string, params: Record<string, string | null>): string {
  const q = new URLSearchParams(Object.entries(params).filter((e): e is [string, string] => e[1] !== null));
  const text = q.toString();
  return text ? `${base}?${text}` : base;
}

interface LinkProps {
  to: string;
  children: ComponentChildren;
  class?: string;
  label?: string;
  "aria-current"?: "page" | "true" | undefined;
}

export function Link({ to, children, class: look, label, "aria-current": current }: LinkProps) {
  const follow = (e: MouseEvent) => {
    if (e.button !== 0 || e.metaKey || e.ctrlKey || e.shiftKey || e.altKey) return;
    e.preventDefault();
    go(to);
  };
  return (
    <a href={to} class={look} aria-current={current} aria-label={label} onClick={follow}>
      {children}
    </a>
  );
}
