// SPDX-License-Identifier: Apache-2.0
// bulk_words.ts - the English sentences of changing many jobs, which come when somebody asks for that.

export const w = {
  accepted: (n: string) => `${n} not started`,
  active: (n: string) => `${n} under way`,
  running: (n: string) => (n === "1" ? "1 task of them runs" : `${n} tasks of them run`),
  running_lost: (n: string) => (n === "1" ? "The task that runs now is stopped, and what it did is lost." : `${n} tasks that run now are stopped, and what they did is lost.`),
  cannot: (n: string) => (n === "1" ? "1 job stays as it is" : `${n} jobs stay as they are`),
  ended: (n: string) => `${n} ended`,
  already: (n: string) => `${n} are so already`,
  unknown: (n: string) => `${n} are none of your projects' jobs`,
  cannot_more: "The first 100 are shown.",
  why: "Why?",
  why_needed: "(needed for so many)",
  why_hint: "For others to read: it stands in the audit and with each job's events.",
  going: (done: string, of: string) => `${done} of ${of}`,
  stopped: (done: string, left: string) => `Stopped: ${done} jobs are changed, ${left} are not.`,
  stop: "Stop here",
  undo: { hold: "Hold them again", release: "Release them again", cancel: "" },
  undo_why: "taken back",
  undone: (n: string) => (n === "1" ? "1 job is as it was" : `${n} jobs are as they were`),
  close: "Close",
};
