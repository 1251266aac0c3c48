// SPDX-License-Identifier: Apache-2.0
// call.tsx - a question to a site that takes a while: asked, followed step by step, answered.

import { useEffect, useRef, useState } from "preact/hooks";
import { post, Problem, send } from "../api";
import { Failure, State, Text } from "../parts/basic";
import { seconds, visible } from "../format";
import type { CallStep, SiteCall } from "../types";
import { step_words, w } from "./words";

const WAIT_S = 20;
const PACE_MS = 300; // between two looks at steps that come quickly

export interface Asking {
  call: SiteCall | null;
  problem: Problem | null;
  busy: boolean;
  ask: () => void;
}

const over = (c: SiteCall) => c.state === "done" || c.state === "failed";

// Ask by POST `path`, then look until it ended. One at a time; leaving the page stops the looking, not the call.
export function use_call(path: string, on_end: (call: SiteCall) => void = () => {}): Asking {
  const [call, set_call] = useState<SiteCall | null>(null);
  const [problem, set_problem] = useState<Problem | null>(null);
  const [busy, set_busy] = useState(false);
  const stop = useRef(new AbortController());
  useEffect(() => () => stop.current.abort(), []);
  const run = async () => {
    set_busy(true);
    set_problem(null);
    set_call(null);
    try {
      let now = (await post<SiteCall>(path))!;
      set_call(now);
      let etag: string | null = null;
      while (!over(now) && !stop.current.signal.aborted) {
        const began = Date.now();
        const reply: Response = await send(`/v1/calls/${now.id}?wait=${WAIT_S}`, { etag, signal: stop.current.signal });
        if (reply.status !== 304) {
          now = (await reply.json()) as SiteCall;
          etag = reply.headers.get("ETag");
          set_call(now);
        }
        if (Date.now() - began < PACE_MS) await new Promise((done) => setTimeout(done, PACE_MS));
      }
      if (!stop.current.signal.aborted) on_end(now);
    } catch (reason) {
      if (!stop.current.signal.aborted) set_problem(Problem.from(reason));
    }
    set_busy(false);
  };
  return { call, problem, busy, ask: () => void run() };
}

function Step({ of: s }: { of: CallStep }) {
  return (
    <li class={s.state}>
      <State machine="step" of={s.state} />
      <span class="step-name">{step_words[s.name] ?? visible(s.name, 60)}</span>
      <span class="muted num">{s.state === "ok" || s.state === "passed" || s.state === "failed" || s.state === "warned" ? seconds(s.ms / 1000) : ""}</span>
      <span class="step-text">
        {s.text && <Text of={s.text} max={500} />}
        {s.fix && (
          <strong>
            <Text of={s.fix} max={500} />
          </strong>
        )}
      </span>
    </li>
  );
}

// The steps of a test, those to come too, so that one sees how far it is.
export function Steps({ of: c, all }: { of: SiteCall; all: boolean }) {
  const told = new Set(c.steps.map((s) => s.name));
  const failed = c.steps.some((s) => s.state === "failed");
  const coming = all && !failed && !over(c) ? Object.keys(step_words).filter((n) => !told.has(n)) : [];
  return (
    <ol class="steps" aria-live="polite">
      {c.steps.map((s, i) => (
        <Step key={i} of={s} />
      ))}
      {coming.map((name, i) => (
        <Step key={name} of={{ name, state: i === 0 && c.state === "running" && !c.steps.some((s) => s.state === "running") ? "running" : "waiting", ms: 0, text: null, fix: null }} />
      ))}
    </ol>
  );
}

export function CallSaid({ of: a }: { of: Asking }) {
  if (a.problem) return <Failure problem={a.problem} />;
  if (a.call?.state === "failed") return <Failure problem={new Problem(0, "", w.test_failed, a.call.message ?? "")} />;
  return null;
}
