// SPDX-License-Identifier: Apache-2.0
// ask_why.tsx - a change of intent: what it means, and a word for others why.

import { useState } from "preact/hooks";
import { Ask } from "../parts/dialog";
import { w } from "./words";

export interface Change {
  title: string;
  text: string;
  yes: string;
  done: string;
}

interface AskWhyProps {
  change: Change;
  path: string;
  command?: (why: string) => string;
  danger?: boolean;
  now?: string; // what is going on there, in a sentence
  close: (acted: boolean) => void;
}

export function AskWhy({ change, path, command, danger, now, close }: AskWhyProps) {
  const [why, set_why] = useState("");
  const question = {
    title: change.title,
    text: (
      <p>
        {change.text} {now}
      </p>
    ),
    yes: change.yes,
    ...(danger ? { danger } : {}),
    call: { method: "POST" as const, path, body: why.trim() ? { why: why.trim() } : {} },
    ...(command ? { command: command(why.trim()) } : {}),
    done: () => change.done,
  };
  return (
    <Ask of={question} close={close}>
      <label class="field">
        <span>{w.why}</span>
        <input type="text" data-first maxLength={500} placeholder={w.why_hint} value={why} onInput={(e) => set_why(e.currentTarget.value)} />
      </label>
    </Ask>
  );
}
