// SPDX-License-Identifier: Apache-2.0
// actions.tsx - what may be done to a job; each says first what it will do and how to do it without this page.

import { useState } from "preact/hooks";
import { me } from "../api";
import { Ask, type Question } from "./dialog";
import { count } from "../format";
import { use_keys } from "../keys";
import { go, Link } from "../router";
import { words } from "../strings";
import type { Job, Submitted } from "../types";

interface Action {
  name: string;
  button: string;
  main: boolean; // a button of its own; the others are in the menu
  fits: (j: Job) => boolean;
  question: (j: Job) => Question;
}

export const is_over = (j: Job) => j.state === "succeeded" || j.state === "failed" || j.state === "cancelled";
const live = (j: Job) => !is_over(j) && !j.cancelled;

const plain = (verb: "hold" | "release" | "cancel", j: Job, text: string): Question => ({
  title: words.act_title[verb],
  text: <p>{text}</p>,
  yes: words.act_yes[verb],
  danger: verb === "cancel",
  call: { method: "POST", path: `/v1/jobs/${j.id}/${verb}`, body: {} },
  command: `reeve ${verb} ${j.id}`,
  done: () => words.act_done[verb],
});

const again = (j: Job, failed: boolean, text: string): Question => ({
  title: failed ? words.act_rerun_failed : words.act_rerun,
  text: <p>{text}</p>,
  yes: words.act_yes_rerun,
  call: { method: "POST", path: `/v1/jobs/${j.id}/rerun`, body: { failed } },
  command: `reeve rerun ${failed ? "--failed " : ""}${j.id}`,
});

const actions: Action[] = [
  { name: "hold", button: words.hold, main: true, fits: (j) => live(j) && !j.held, question: (j) => plain("hold", j, words.act_hold_text) },
  { name: "release", button: words.release, main: true, fits: (j) => live(j) && j.held !== null, question: (j) => plain("release", j, words.act_release_text) },
  {
    name: "rerun-failed",
    button: words.rerun_failed,
    main: true,
    fits: (j) => j.tasks.failed > 0 && j.tasks.total > 1,
    question: (j) => again(j, true, words.act_rerun_failed_text(count(j.tasks.failed))),
  },
  { name: "rerun", button: words.rerun, main: true, fits: is_over, question: (j) => again(j, false, words.act_rerun_text(count(j.tasks.total))) },
  {
    name: "cancel",
    button: words.cancel,
    main: true,
    fits: live,
    // What has not begun can wait some seconds to be cancelled.
    question: (j) => ({
      ...plain("cancel", j, words.act_cancel_text(count(j.tasks.placed), count(j.tasks.ready + j.tasks.blocked))),
      ...(j.tasks.placed === 0 ? { undo: words.undo_cancel(j.id) } : {}),
    }),
  },
];

function Priority({ of: j, close }: { of: Job; close: (acted: boolean) => void }) {
  const [text, set_text] = useState(String(j.priority ?? 0));
  const fits = /^-?\d{1,4}$/.test(text) && Math.abs(Number(text)) <= 1000;
  const question: Question = {
    title: words.act_priority,
    text: <p>{words.act_priority_text}</p>,
    yes: words.act_yes_priority,
    call: { method: "POST", path: `/v1/jobs/${j.id}/priority`, body: { priority: Number(text) || 0 } },
    barred: !fits,
    done: () => words.act_done.priority,
  };
  return (
    <Ask of={question} close={close}>
      <label class="field short">
        <span>{words.fact_priority}</span>
        <input type="number" data-first min={-1000} max={1000} value={text} onInput={(e) => set_text(e.currentTarget.value)} />
      </label>
    </Ask>
  );
}

export function Actions({ of: j, done }: { of: Job; done: () => void }) {
  const [asked, set_asked] = useState<Action | "priority" | null>(null);
  const may = me.value?.role !== "viewer";
  const cancel = actions.find((a) => a.name === "cancel")!;
  use_keys(may && cancel.fits(j) ? [{ key: "c", what: words.key_cancel_job, act: () => set_asked(cancel) }] : []);
  if (!may) return null;
  const close = (acted: boolean, reply?: unknown) => {
    set_asked(null);
    if (!acted) return;
    const id = (reply as Submitted | null)?.rerun_of === j.id ? (reply as Submitted).id : null;
    if (id) go(`/jobs/${id}`);
    else done();
  };
  return (
    <div class="actions">
      {actions
        .filter((a) => a.fits(j))
        .map((a) => (
          <button key={a.name} type="button" class={a.name === "cancel" ? "danger" : ""} onClick={() => set_asked(a)}>
            {a.button}
          </button>
        ))}
      {live(j) && (
        <button type="button" onClick={() => set_asked("priority")}>
          {words.fact_priority}
        </button>
      )}
      <Link to={`/submit?from=${j.id}`} class="button">
        {words.clone}
      </Link>
      {asked === "priority" ? <Priority of={j} close={close} /> : asked && <Ask of={{ ...asked.question(j), after: done }} close={close} />}
    </div>
  );
}

// One task of an array, stopped.
export function CancelTask({ job, task, done }: { job: number; task: number; done: () => void }) {
  const [asked, set_asked] = useState(false);
  if (me.value?.role === "viewer") return null;
  const question: Question = {
    title: words.act_cancel_task(task),
    text: <p>{words.act_cancel_task_text}</p>,
    yes: words.act_yes_cancel_task,
    danger: true,
    call: { method: "POST", path: `/v1/jobs/${job}/cancel`, body: { task } },
    command: `reeve cancel ${job}.${task}`,
    done: () => words.act_done.cancel,
  };
  return (
    <>
      <button type="button" class="danger" onClick={() => set_asked(true)}>
        {words.cancel_task}
      </button>
      {asked && (
        <Ask
          of={question}
          close={(acted) => {
            set_asked(false);
            if (acted) done();
          }}
        />
      )}
    </>
  );
}
