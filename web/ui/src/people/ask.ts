// SPDX-License-Identifier: Apache-2.0
// ask.ts - lists that are asked again after a change, and changes that say what came of them.

import { useState } from "preact/hooks";
import { Problem, send } from "../api";
import { use_dependent, type Answer } from "../dependent";
import { say } from "../parts/dialog";

export interface Asked<T> extends Answer<T> {
  again: () => void;
}

export function use_asked<T>(path: string | null): Asked<T> {
  const [n, set_n] = useState(0);
  return { ...use_dependent<T>(path, n), again: () => set_n((k) => k + 1) };
}

export interface Doing {
  busy: boolean;
  problem: Problem | null;
  // Send, say `done`, and give the reply to `then`; true when it was done.
  run: <R>(method: string, path: string, body: unknown, done: string, then?: (reply: R) => void) => Promise<boolean>;
}

export function use_doing(): Doing {
  const [busy, set_busy] = useState(false);
  const [problem, set_problem] = useState<Problem | null>(null);
  const run = async <R>(method: string, path: string, body: unknown, done: string, then?: (reply: R) => void): Promise<boolean> => {
    set_busy(true);
    set_problem(null);
    try {
      const reply = await send(path, { method, ...(body === undefined ? {} : { body }) });
      const text = await reply.text();
      then?.((text ? JSON.parse(text) : null) as R);
      if (done) say(done);
      return true;
    } catch (reason) {
      set_problem(Problem.from(reason));
      return false;
    } finally {
      set_busy(false);
    }
  };
  return { busy, problem, run };
}
