// SPDX-License-Identifier: Apache-2.0
// actions.tsx - what may be done to a job; each says first what it will do and how to do it without this page.

import { useEffect, useRef, useState } from "preact/hooks";
import { me, post, Problem } from "../api";
import { Command, Failure } from "./basic";
import { count, shell_word } from "../format";
import { words } from "../strings";
import type { Job } from "../types";

interface Action {
  verb: "hold" | "release" | "cancel";
  button: string;
  danger: boolean;
  title: string;
  yes: string;
  text: (j: Job) => string;
  fits: (j: Job) => boolean;
}

const is_over = (j: Job) => j.state === "succeeded" || j.state === "failed" || j.state === "cancelled";

const actions: Action[] = [
  {
    verb: "hold",
    button: words.hold,
    danger: false,
    title: words.act_hold,
    yes: words.act_yes_hold,
    text: () => words.act_hold_text,
    fits: (j) => !is_over(j) && !j.held && !j.cancelled,
  },
  {
    verb: "release",
    button: words.release,
    danger: false,
    title: words.act_release,
    yes: words.act_yes_release,
    text: () => words.act_release_text,
    fits: (j) => !is_over(j) && j.held !== null && !j.cancelled,
  },
  {
    verb: "cancel",
    button: words.cancel,
    danger: true,
    title: words.act_cancel,
    yes: words.act_yes_cancel,
    text: (j) => words.act_cancel_text(count(j.tasks.placed), count(j.tasks.ready + j.tasks.blocked)),
    fits: (j) => !is_over(j) && !j.cancelled,
  },
];

function Confirm({ action, job, close }: { action: Action; job: Job; close: (done: boolean) => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [busy, set_busy] = useState(false);
  const [problem, set_problem] = useState<Problem | null>(null);
  const no = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    dialog.current?.showModal();
    no.current?.focus();
  }, []);
  const path = `/v1/jobs/${job.id}/${action.verb}`;
  const act = async () => {
    set_busy(true);
    try {
      await post(path);
      close(true);
    } catch (reason) {
      set_problem(Problem.from(reason));
      set_busy(false);
    }
  };
  const auth = '-H "Authorization: Bearer $REEVE_TOKEN" -H "Content-Type: application/json"';
  return (
    <dialog ref={dialog} aria-labelledby="confirm-title" onClose={() => close(false)}>
      <h2 id="confirm-title">{action.title}</h2>
      <p>{action.text(job)}</p>
      {problem && <Failure problem={problem} />}
      <p class="muted">{words.as_command}</p>
      <Command line={`reeve ${action.verb} ${job.id}`} />
      <p class="muted">{words.as_curl}</p>
      <Command line={`curl -X POST ${auth} -d '{}' ${shell_word(location.origin + path)}`} />
      <div class="buttons">
        <button type="button" ref={no} onClick={() => close(false)}>
          {words.act_no}
        </button>
        <button type="button" class={action.danger ? "danger" : "primary"} disabled={busy} onClick={() => void act()}>
          {action.yes}
        </button>
      </div>
    </dialog>
  );
}

export function Actions({ of: j, done }: { of: Job; done: () => void }) {
  const [asked, set_asked] = useState<Action | null>(null);
  if (me.value?.role === "viewer") return null;
  return (
    <div class="actions">
      {actions
        .filter((a) => a.fits(j))
        .map((a) => (
          <button key={a.verb} type="button" class={a.danger ? "danger" : ""} onClick={() => set_asked(a)}>
            {a.button}
          </button>
        ))}
      {asked && (
        <Confirm
          action={asked}
          job={j}
          close={(acted) => {
            set_asked(null);
            if (acted) done();
          }}
        />
      )}
    </div>
  );
}
