// SPDX-License-Identifier: Apache-2.0
// overlay.tsx - the keys that work on every page, and what they open; the palette itself comes with its first use.

import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import { log_out, me } from "./api";
import { use_keys } from "./keys";
import { paused } from "./live";
import { go } from "./router";
import { words } from "./strings";
import { theme_next } from "./theme";
import type { Entry } from "./parts/palette";

type Parts = { Palette: ComponentType<{ entries: Entry[]; close: () => void }>; KeySheet: ComponentType<{ close: () => void }> };

export const pause_toggle = () => void (paused.value = !paused.value);

const pages: [string, string, string][] = [
  ["h", "/", words.overview],
  ["j", "/jobs", words.jobs],
  ["d", "/data", words.data],
  ["s", "/sites", words.sites],
  ["q", "/queue", words.queue],
  ["t", "/transfers", words.transfers],
  ["m", "/links", words.links],
  ["w", "/workers", words.workers],
  ["i", "/insights", words.insights],
  ["b", "/wall", words.wall],
  ["r", "/api/docs", words.api_docs],
  ["?", "/help", words.help],
  ["n", "/submit", words.submit_nav],
];

export function Overlay() {
  const [open, set_open] = useState<"palette" | "keys" | null>(null);
  const [parts, set_parts] = useState<Parts | null>(null);
  useEffect(() => {
    if (open && !parts) void import("./parts/palette").then(set_parts, () => set_open(null));
  }, [open]);
  use_keys([
    { key: "Ctrl+k", what: words.palette, act: () => set_open("palette") },
    { key: "?", what: words.keys, act: () => set_open("keys") },
    { key: "n", what: words.submit, act: () => go("/submit") },
    { key: ".", what: words.key_pause, act: pause_toggle },
    ...pages.map(([key, to, word]) => ({ key: `g ${key}`, what: words.key_go(word), act: () => go(to) })),
  ]);
  if (!open || !parts) return null;
  const close = () => set_open(null);
  const entries: Entry[] = [
    ...pages.map(([, to, word]): Entry => ({ word, more: words.palette_page, act: () => go(to) })),
    ...(me.value?.role === "admin" ? [{ word: words.site_add, act: () => go("/sites/new") }] : []),
    { word: words.palette_mine, act: () => go(`/jobs?user=${encodeURIComponent(me.value?.name ?? "")}`) },
    { word: words.palette_failed, act: () => go("/jobs?state=failed") },
    { word: paused.value ? words.palette_resume : words.palette_pause, act: pause_toggle },
    { word: words.palette_theme, act: theme_next },
    { word: words.keys, act: () => set_open("keys") },
    { word: words.sign_out, act: () => void log_out().catch(() => {}) },
  ];
  return open === "palette" ? <parts.Palette entries={entries} close={close} /> : <parts.KeySheet close={close} />;
}
