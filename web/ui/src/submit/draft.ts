// SPDX-License-Identifier: Apache-2.0
// draft.ts - what somebody began to write, kept in this browser only, until it is submitted or thrown away.

import type { Body, Values } from "./body";

const KEY = "reeve-draft";
const KEEP_MS = 14 * 86_400_000;
const SIZE_MAX = 600_000;

export interface Draft {
  values: Values;
  extra: Body;
  at: number;
}

export function draft_load(): Draft | null {
  try {
    const d = JSON.parse(localStorage.getItem(KEY) ?? "null") as Draft | null;
    return d && Date.now() - d.at < KEEP_MS && typeof d.values === "object" ? d : null;
  } catch {
    return null; // storage may be forbidden, or hold what an older page wrote
  }
}

export function draft_save(values: Values, extra: Body): void {
  try {
    const text = JSON.stringify({ values, extra, at: Date.now() });
    if (text.length <= SIZE_MAX) localStorage.setItem(KEY, text);
  } catch {
    // then it lasts as long as the page
  }
}

export function draft_drop(): void {
  try {
    localStorage.removeItem(KEY);
  } catch {
    // nothing was kept
  }
}
