// SPDX-License-Identifier: Apache-2.0
// dependent.ts - what hangs on a watched resource and is asked again when that one has changed.

import { useEffect, useState } from "preact/hooks";
import { get, Problem } from "./api";

const PACE_MS = 2000; // a job may change many times a second; what hangs on it is asked less often

export interface Answer<T> {
  data: T | null;
  problem: Problem | null;
}

// The reply to `path`, asked at once, and again whenever `version` is another value, at most every PACE_MS.
// A null path asks nothing. While a new path is being asked, the reply to the old one stays.
export function use_dependent<T>(path: string | null, version: unknown): Answer<T> {
  const [answer, set_answer] = useState<Answer<T>>({ data: null, problem: null });
  const [asked] = useState<{ at: number; path: string | null }>({ at: 0, path: null });
  useEffect(() => {
    const ask = async () => {
      asked.at = Date.now();
      asked.path = path;
      const reply = await get<T>(path!).then(
        (data) => ({ data, problem: null }),
        (reason: unknown) => ({ data: null, problem: Problem.from(reason) }),
      );
      if (asked.path === path) set_answer((a) => ({ data: reply.data ?? a.data, problem: reply.problem }));
    };
    if (path === null) return;
    const rest = asked.path === path ? Math.max(0, asked.at + PACE_MS - Date.now()) : 0;
    const timer = setTimeout(() => void ask(), rest);
    return () => clearTimeout(timer);
  }, [path, version]);
  return answer;
}
