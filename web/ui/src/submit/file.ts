// SPDX-License-Identifier: Apache-2.0
// file.ts - a job as YAML or JSON (which is YAML too), read here so that its mistakes are told with their lines.

import { parseDocument } from "yaml";
import type { Body } from "./body";
import { w } from "./words";

const ALIASES_MAX = 20; // a small file must not unfold into a large one

// The job, or what is wrong in words.
export function file_read(text: string): Body | string {
  const doc = parseDocument(text, { prettyErrors: true, strict: true, uniqueKeys: true });
  const error = doc.errors[0];
  if (error) return error.message.split("\n")[0] ?? error.message;
  let said: unknown;
  try {
    said = doc.toJS({ maxAliasCount: ALIASES_MAX });
  } catch (reason) {
    return reason instanceof Error ? reason.message : String(reason);
  }
  return said !== null && typeof said === "object" && !Array.isArray(said) ? (said as Body) : w.not_object;
}
