// SPDX-License-Identifier: Apache-2.0
// bulk_ask.tsx - ask before many jobs are changed: how they are, which would not change, and why it is done. Then do it,
// a thousand at a time, with a bar and a way to stop; what was held can be released again.

import { useEffect, useRef, useState } from "preact/hooks";
import { path_of, post, Problem } from "../api";
import { Failure, Notice } from "./basic";
import { do_later, Elsewhere, Modal, say } from "./dialog";
import { count, shell_word, visible } from "../format";
import { Link } from "../router";
import { words } from "../strings";
import type { CannotJob, Matched } from "../types";
import { w } from "./bulk_words";

export type Verb = "hold" | "release" | "cancel";
type Body = Record<string, unknown>;

const STEP = 1000; // in one call
const UNDO_IDS = 1000; // that one call of the way back takes
const WHY_MAX = 400;
const WHY_NEEDED = 20; // more jobs than somebody looked at one by one
const AGAIN: Record<Verb, Verb | null> = { hold: "release", release: "hold", cancel: null };

interface AskProps {
  verb: Verb;
  body: Body;
  command: string[];
  idle: boolean; // nothing of them runs: what is cancelled can be taken back for a while
  close: (acted: boolean) => void;
}

interface Going {
  done: number;
  of: number;
  ids: number[];
  state: "going" | "stopped" | "done";
  problem: Problem | null;
}

function States({ of: m }: { of: Matched }) {
  return (
    <p>
      {[m.states.accepted && w.accepted(count(m.states.accepted)), m.states.active && w.active(count(m.states.active)), m.running && w.running(count(m.running))].filter(Boolean).join(", ")}
    </p>
  );
}

function Cannot({ of: m }: { of: Matched }) {
  const { ended, already, unknown } = m.cannot;
  const n = ended + already + unknown;
  if (n === 0) return null;
  return (
    <details>
      <summary>{w.cannot(count(n))}</summary>
      <p class="muted">{[ended && w.ended(count(ended)), already && w.already(count(already)), unknown && w.unknown(count(unknown))].filter(Boolean).join(", ")}</p>
      <ul class="cannot-jobs">
        {m.cannot_jobs.map((c: CannotJob) => (
          <li key={c.job}>
            {c.why === "unknown" ? c.job : <Link to={`/jobs/${c.job}`}>{c.job}</Link>} {c.name !== null && visible(c.name, 60)} <span class="muted">{visible(c.sentence, 120)}</span>
          </li>
        ))}
      </ul>
      {n > m.cannot_jobs.length && <p class="muted small">{w.cannot_more}</p>}
    </details>
  );
}

// Step by step, downwards by number; `stop` is looked at between them.
async function go_through(verb: Verb, body: Body, of: number, stop: { now: boolean }, tell: (g: Going) => void): Promise<Going> {
  const going: Going = { done: 0, of, ids: [], state: "going", problem: null };
  let before: number | null = null;
  try {
    for (;;) {
      const reply: Matched | null = await post<Matched>(`/v1/jobs:${verb}`, { ...body, limit: STEP, ...(before === null ? {} : { before }) });
      going.done += reply?.matched ?? 0;
      going.ids.push(...(reply?.jobs ?? []));
      before = reply?.last ?? null;
      if (!reply?.more || before === null) going.state = "done";
      else if (stop.now) going.state = "stopped";
      tell({ ...going });
      if (going.state !== "going") return going;
    }
  } catch (reason) {
    going.problem = Problem.from(reason);
    going.state = "stopped";
    tell({ ...going });
    return going;
  }
}

async function undo(verb: Verb, ids: number[]): Promise<void> {
  for (let i = 0; i < ids.length; i += UNDO_IDS) await post(`/v1/jobs:${verb}`, { ids: ids.slice(i, i + UNDO_IDS), why: w.undo_why });
  say(w.undone(count(ids.length)));
}

function Result({ of: g, verb, stop, close }: { of: Going; verb: Verb; stop: () => void; close: () => void }) {
  const [undoing, set_undoing] = useState(false);
  const [problem, set_problem] = useState<Problem | null>(null);
  const again = AGAIN[verb];
  const take_back = () => {
    set_undoing(true);
    undo(again!, g.ids).then(close, (reason: unknown) => (set_undoing(false), set_problem(Problem.from(reason))));
  };
  return (
    <>
      <progress class="bulk-bar" max={Math.max(g.of, g.done)} value={g.done} aria-label={words.bulk_title[verb]} />
      <p aria-live="polite">
        {g.state === "going" ? w.going(count(g.done), count(g.of)) : g.state === "done" ? words.bulk_done[verb](count(g.done)) : w.stopped(count(g.done), count(Math.max(0, g.of - g.done)))}
      </p>
      {(g.problem ?? problem) && <Failure problem={(g.problem ?? problem)!} />}
      <div class="buttons">
        {g.state === "going" && (
          <button type="button" onClick={stop}>
            {w.stop}
          </button>
        )}
        {g.state !== "going" && again && g.done > 0 && (
          <button type="button" disabled={undoing} onClick={take_back}>
            {w.undo[again]}
          </button>
        )}
        {g.state !== "going" && (
          <button type="button" class="primary" data-first="" onClick={close}>
            {w.close}
          </button>
        )}
      </div>
    </>
  );
}

export function BulkAsk({ verb, body, command, idle, close }: AskProps) {
  const [found, set_found] = useState<Matched | Problem | null>(null);
  const [why, set_why] = useState("");
  const [going, set_going] = useState<Going | null>(null);
  const stop = useRef({ now: false });
  const path = `/v1/jobs:${verb}`;
  useEffect(() => {
    void post<Matched>(path_of(path, { dry_run: "true" }), body).then(set_found, (reason: unknown) => set_found(Problem.from(reason)));
    return () => void (stop.current.now = true);
  }, []);
  const n = found && !(found instanceof Problem) ? found.matched : 0;
  const asked: Body = why.trim() ? { ...body, why: why.trim() } : body;
  const act = (e: SubmitEvent) => {
    e.preventDefault();
    if (verb === "cancel" && idle && n <= STEP) {
      do_later(words.undo_cancel_many(count(n)), async () => {
        const reply = await post<Matched>(path, asked);
        say(words.bulk_done.cancel(count(reply?.matched ?? n)));
      });
      return close(false);
    }
    set_going({ done: 0, of: n, ids: [], state: "going", problem: null });
    void go_through(verb, asked, n, stop.current, set_going).then((g) => {
      // What was quick and has no way back needs no further word.
      if (g.state === "done" && AGAIN[verb] === null) (say(words.bulk_done[verb](count(g.done))), close(true));
    });
  };
  return (
    <Modal title={words.bulk_title[verb]} close={() => close(going !== null)}>
      {going ? (
        <Result of={going} verb={verb} stop={() => (stop.current.now = true)} close={() => close(true)} />
      ) : (
        <form method="dialog" onSubmit={act}>
          <div class="consequence">
            {found instanceof Problem ? (
              <Failure problem={found} />
            ) : found === null ? (
              <p>{words.bulk_counting}</p>
            ) : (
              <>
                <p>
                  <strong>{words.bulk_found(count(n), found.more)}</strong> {n > 0 && words.bulk_text[verb]}
                </p>
                {n > 0 && <States of={found} />}
                {n > 0 && n <= 100 && <p class="muted small">{words.bulk_jobs(found.jobs.slice(0, 20).join(", "), n > 20)}</p>}
                {verb === "cancel" && found.running > 0 && (
                  <Notice tone="warn" icon="warn" title={w.running_lost(count(found.running))}>
                    {null}
                  </Notice>
                )}
                <Cannot of={found} />
              </>
            )}
          </div>
          <div class="field">
            <label for="bulk-why">
              {w.why} {n > WHY_NEEDED && <span class="muted">{w.why_needed}</span>}
            </label>
            <input id="bulk-why" type="text" required={n > WHY_NEEDED} autocomplete="off" maxLength={WHY_MAX} aria-describedby="bulk-why-hint" value={why} onInput={(e) => set_why(e.currentTarget.value)} />
            <small id="bulk-why-hint">{w.why_hint}</small>
          </div>
          <Elsewhere command={[...command, ...(why.trim() ? ["--why", why.trim()] : [])].map(shell_word).join(" ")} call={{ method: "POST", path, body: asked }} />
          <div class="buttons">
            <button type="button" data-first="" onClick={() => close(false)}>
              {words.act_no}
            </button>
            <button class={verb === "cancel" ? "danger" : "primary"} disabled={n === 0 || (n > WHY_NEEDED && !why.trim())}>
              {words.bulk_yes[verb](count(n))}
            </button>
          </div>
        </form>
      )}
    </Modal>
  );
}
