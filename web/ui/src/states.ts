// SPDX-License-Identifier: Apache-2.0
// states.ts - how each state looks: icon, tone, word. Never the colour alone.

export type Tone = "good" | "bad" | "warn" | "busy" | "calm" | "done";
export type IconName =
  | "check" | "cross" | "clock" | "play" | "pause" | "ban" | "question" | "warn" | "dots" | "lock" | "search"
  | "copy" | "theme" | "wave" | "sleep" | "back" | "down" | "link" | "user" | "plus" | "again" | "bell";

export interface Look {
  icon: IconName;
  tone: Tone;
  word: string;
}

const look = (icon: IconName, tone: Tone, word: string): Look => ({ icon, tone, word });

const looks: Record<string, Record<string, Look>> = {
  job: {
    accepted: look("dots", "calm", "accepted"),
    active: look("play", "busy", "active"),
    succeeded: look("check", "good", "succeeded"),
    failed: look("cross", "bad", "failed"),
    cancelled: look("ban", "done", "cancelled"),
  },
  task: {
    blocked: look("lock", "calm", "blocked"),
    ready: look("clock", "calm", "waiting"),
    placed: look("play", "busy", "placed"),
    succeeded: look("check", "good", "succeeded"),
    failed: look("cross", "bad", "failed"),
    cancelled: look("ban", "done", "cancelled"),
  },
  attempt: {
    reserved: look("dots", "calm", "reserved"),
    staging: look("down", "busy", "staging"),
    starting: look("dots", "busy", "starting"),
    running: look("play", "busy", "running"),
    finishing: look("dots", "busy", "finishing"),
    aborting: look("ban", "warn", "aborting"),
    succeeded: look("check", "good", "succeeded"),
    failed: look("cross", "bad", "failed"),
    lost: look("question", "bad", "lost"),
    aborted: look("ban", "done", "aborted"),
  },
  health: {
    unknown: look("question", "calm", "unknown"),
    up: look("check", "good", "up"),
    suspect: look("warn", "warn", "suspect"),
    down: look("cross", "bad", "down"),
    probing: look("search", "warn", "probing"),
  },
  link: {
    absent: look("question", "calm", "not connected"),
    dialing: look("dots", "busy", "dialing"),
    authenticating: look("dots", "busy", "logging in"),
    bootstrapping: look("dots", "busy", "putting the worker in place"),
    greeting: look("dots", "busy", "greeting"),
    ready: look("check", "good", "connected"),
    closing: look("dots", "calm", "closing"),
  },
  step: {
    ok: look("check", "good", "ok"),
    passed: look("check", "good", "ok"),
    warned: look("warn", "warn", "warned"),
    failed: look("cross", "bad", "failed"),
    running: look("play", "busy", "running"),
    waiting: look("clock", "calm", "waiting"),
    skipped: look("dots", "calm", "skipped"),
  },
  intent: {
    open: look("check", "good", "open"),
    draining: look("pause", "warn", "draining"),
    closed: look("lock", "warn", "closed"),
  },
};

// How a job stands: while it is active, whether anything of it is on its way says more than "active".
export function look_of_job(j: { state: string; tasks: { placed: number } }): Look {
  if (j.state !== "active") return look_of("job", j.state);
  return j.tasks.placed > 0 ? look("play", "busy", "running") : look("clock", "calm", "waiting");
}

export type Machine = "link" | "step" | "job" | "task" | "attempt" | "health" | "intent";

export function look_of(machine: Machine, state: string): Look {
  return looks[machine]?.[state] ?? look("question", "calm", state);
}
