// SPDX-License-Identifier: Apache-2.0
// script.ts - what a script asks for by its directives: asked from the server while it is written, by the same reader
// as that of the command line.

import { useEffect, useState } from "preact/hooks";
import { get, Problem, send } from "../api";
import type { Body } from "./body";
import type { Mark, Offers } from "./code";

const SETTLE_MS = 400; // after the last key

export interface Directive {
  line: number;
  mark: "SBATCH" | "REEVE";
  option: string;
  value: string | null;
  outcome: "used" | "differs" | "ignored" | "refused";
  sentence: string | null;
}

interface Read {
  job: Body | null;
  directives: Directive[];
  used: number;
  differs: number;
  ignored: number;
  refused: number;
}

export interface Script {
  text: string; // what was asked about
  read: Read | Problem | null;
}

// Asked when the text has stood still for a moment; an answer to an older text is given up.
export function use_script(text: string, name: string, wanted: boolean): Script {
  const [script, set_script] = useState<Script>({ text: "", read: null });
  useEffect(() => {
    if (!wanted || !text.trim()) return;
    const abort = new AbortController();
    const ask = async () => {
      try {
        const reply = await send("/v1/jobs:script", { method: "POST", body: { script: text, name, time_zone: -new Date().getTimezoneOffset() }, signal: abort.signal });
        set_script({ text, read: (await reply.json()) as Read });
      } catch (reason) {
        if (!abort.signal.aborted) set_script({ text, read: Problem.from(reason) });
      }
    };
    const timer = setTimeout(() => void ask(), SETTLE_MS);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [text, name, wanted]);
  return script;
}

const TONES = { used: "info", ignored: "info", differs: "warning", refused: "error" } as const;

export function script_marks(s: Script): Mark[] {
  if (s.read === null || s.read instanceof Problem) return [];
  return s.read.directives.filter((d) => d.sentence !== null).map((d) => ({ line: d.line, tone: TONES[d.outcome], text: d.sentence! }));
}

// The members of `over` put over those of the job, as options of `reeve submit` are put over directives.
export function put_over(job: Body, over: Body): Body {
  const made: Body = { ...job };
  const is_object = (v: unknown): v is Body => v !== null && typeof v === "object" && !Array.isArray(v);
  for (const [name, value] of Object.entries(over)) made[name] = is_object(value) && is_object(made[name]) ? { ...(made[name] as Body), ...value } : value;
  return made;
}

// ---- completion -----------------------------------------------------------------------------------------------

interface Kind {
  mark: "SBATCH" | "REEVE";
  option: string;
  letter: string | null;
  value: string | null;
  outcome: "used" | "ignored" | "refused";
  help: string;
}

let kinds: Promise<Kind[]> | null = null;

function kinds_get(): Promise<Kind[]> {
  kinds ??= get<{ items: Kind[] }>("/v1/jobs:directives").then(
    (page) => page.items,
    () => ((kinds = null), []),
  );
  return kinds;
}

const RANK = { used: 2, ignored: 0, refused: -1 };

export const script_offers =
  (about: { used: string; ignored: string; refused: string }): Offers =>
  async (line) => {
    const mark = /^#[A-Z]*$/.exec(line);
    if (mark) return { replaces: line.length, offers: ["#REEVE ", "#SBATCH "].map((word, i) => ({ word, detail: "", help: about.used, rank: 1 - i })) };
    const at = /^#(SBATCH|REEVE)(?:\s.*)?\s(-[\w-]*)$/.exec(line);
    if (!at) return null;
    const offers = (await kinds_get())
      .filter((k) => k.mark === at[1])
      .map((k) => ({
        word: k.value ? `${k.option}=` : k.option,
        detail: [k.value, k.letter && `-${k.letter}`, k.outcome === "used" ? null : about[k.outcome]].filter(Boolean).join(" "),
        help: k.help,
        rank: RANK[k.outcome],
      }));
    return { replaces: at[2]!.length, offers };
  };
