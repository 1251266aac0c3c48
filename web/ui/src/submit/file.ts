// SPDX-License-Identifier: Apache-2.0
// file.ts - a job as YAML or JSON (which is YAML too), read here so that its mistakes are told with their lines.

import { isNode, LineCounter, parseDocument } from "yaml";
import type { FieldError } from "../types";
import type { Body } from "./body";
import type { Mark } from "./code";
import { w } from "./words";

const ALIASES_MAX = 20; // a small file must not unfold into a large one

export interface FileRead {
  said: Body | string; // what it says, or what is wrong in words
  marks: Mark[];
  line_of: (pointer: string) => number; // of what a JSON pointer means, or of what it would be in; 0: none
}

export function file_read(text: string): FileRead {
  const lines = new LineCounter();
  const doc = parseDocument(text, { prettyErrors: true, strict: true, uniqueKeys: true, lineCounter: lines });
  const line_of = (pointer: string) => {
    const steps = pointer.split("/").slice(1);
    for (; steps.length > 0; steps.pop()) {
      const node: unknown = doc.getIn(steps.map((s) => (/^\d+$/.test(s) ? Number(s) : s)), true);
      if (isNode(node) && node.range) return lines.linePos(node.range[0]).line;
    }
    return 0;
  };
  const wrong = (why: string, marks: Mark[]): FileRead => ({ said: why, marks, line_of });
  if (doc.errors.length > 0) {
    const marks = doc.errors.map((e): Mark => ({ line: e.linePos?.[0].line ?? 0, tone: "error", text: (e.message.split("\n")[0] ?? e.message).replace(/ at line \d+, column \d+:?$/, "") }));
    return wrong(doc.errors[0]!.message.split("\n")[0] ?? doc.errors[0]!.message, marks);
  }
  let said: unknown;
  try {
    said = doc.toJS({ maxAliasCount: ALIASES_MAX });
  } catch (reason) {
    return wrong(reason instanceof Error ? reason.message : String(reason), []);
  }
  return said !== null && typeof said === "object" && !Array.isArray(said) ? { said: said as Body, marks: [], line_of } : wrong(w.not_object, []);
}

// What the server finds wrong, at the lines that it means.
export const marks_of = (read: FileRead, errors: FieldError[]): Mark[] => errors.map((e) => ({ line: read.line_of(e.pointer), tone: "error", text: `${e.pointer.slice(1).replaceAll("/", ".")}: ${e.detail}` }));
