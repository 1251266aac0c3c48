// SPDX-License-Identifier: Apache-2.0
// call.tsx - what the engine was asked to do and has not done yet: followed until it is known how it ended.

import { useEffect, useRef, useState } from "preact/hooks";
import { Problem, send } from "../api";
import { Toast } from "../parts/basic";
import { say } from "../parts/dialog";
import type { SiteCall } from "../types";
import { w } from "./words";

const WAIT_S = 20;

export interface Following {
  problem: Problem | null;
  follow: (reply: unknown, said: string) => void;
}

// `follow` takes the reply to a request that was answered by a call; `said` is told when that is done.
export function use_following(done: () => void): Following {
  const [problem, set_problem] = useState<Problem | null>(null);
  const stop = useRef(new AbortController());
  useEffect(() => () => stop.current.abort(), []);
  const run = async (first: SiteCall, said: string) => {
    set_problem(null);
    say(w.call_waits);
    try {
      let call = first;
      let etag: string | null = null;
      while (call.state !== "done" && call.state !== "failed") {
        const reply: Response = await send(`/v1/calls/${call.id}?wait=${WAIT_S}`, { etag, signal: stop.current.signal });
        if (reply.status === 304) continue;
        call = (await reply.json()) as SiteCall;
        etag = reply.headers.get("ETag");
      }
      if (call.state === "failed") set_problem(new Problem(0, "", w.call_failed, call.message ?? ""));
      else say(said);
    } catch (reason) {
      if (!stop.current.signal.aborted) set_problem(Problem.from(reason));
    }
    if (!stop.current.signal.aborted) done();
  };
  return {
    problem,
    follow: (reply, said) => {
      if (reply && typeof reply === "object" && "id" in reply && "state" in reply) void run(reply as SiteCall, said);
      else done();
    },
  };
}

// The trouble goes away when it was read.
export function CallTrouble({ of: f }: { of: Following }) {
  return f.problem ? <Toast problem={f.problem} /> : null;
}
