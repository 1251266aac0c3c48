// SPDX-License-Identifier: Apache-2.0
// used.tsx - what was asked for beside what was used, with advice where the two lie far apart.

import { Meter } from "./bars";
import { bytes, seconds } from "../format";
import { words } from "../strings";
import type { Attempt, Job, Spec } from "../types";

interface Use {
  label: string;
  used: number;
  asked: number | null;
  text: string;
  advice: string | null;
}

const MIB = 1024 ** 2;
const ENOUGH_S = 10; // what ended sooner says little about its use of processors

// Over several attempts: the most memory, the most time, the mean of processors.
export function uses_of(j: Job, attempts: Attempt[], limit_ms: number | null): Use[] {
  const over = attempts.filter((a) => a.wall !== null && a.wall !== undefined && a.wall > 0);
  if (over.length === 0) return [];
  const cpus = j.resources["cpus"] ?? 1;
  const wall = Math.max(...over.map((a) => a.wall!));
  const share = over.reduce((n, a) => n + ((a.cpu_user ?? 0) + (a.cpu_system ?? 0)) / a.wall!, 0) / over.length;
  const peak = Math.max(...over.map((a) => a.memory_peak ?? 0));
  const memory = j.resources["memory"] ?? null;
  const uses: Use[] = [
    {
      label: words.cpus,
      used: share,
      asked: cpus,
      text: words.used_of(share.toFixed(2), String(cpus)),
      advice: wall > ENOUGH_S && cpus > 1 && share < 0.6 * cpus ? words.advice_cpus(String(Math.max(1, Math.ceil(share)))) : null,
    },
    {
      label: words.memory,
      used: peak,
      asked: memory,
      text: memory ? words.used_of(bytes(peak), bytes(memory)) : words.used_unsaid(bytes(peak)),
      advice: memory && peak > 0 && memory > 4 * peak && memory > 256 * MIB ? words.advice_memory(bytes(memory), bytes(peak)) : null,
    },
    {
      label: words.time,
      used: wall,
      asked: limit_ms === null ? null : limit_ms / 1000,
      text: limit_ms === null ? words.used_unsaid(seconds(wall)) : words.used_of(seconds(wall), seconds(limit_ms / 1000)),
      advice: limit_ms !== null && wall > 0.9 * (limit_ms / 1000) ? words.advice_time : null,
    },
  ];
  return uses;
}

export function Used({ of: j, attempts, spec }: { of: Job; attempts: Attempt[]; spec: Spec | null }) {
  const limit = typeof spec?.["time_limit_ms"] === "number" ? spec["time_limit_ms"] : null;
  const uses = uses_of(j, attempts, limit);
  if (uses.length === 0) return <p class="muted">{words.used_none}</p>;
  const advice = uses.map((u) => u.advice).filter((a): a is string => a !== null);
  return (
    <div class="used">
      {uses.map((u) => (
        <Meter key={u.label} label={u.label} used={u.used} all={u.asked ?? 0} text={u.text} />
      ))}
      {attempts.length > 1 && <p class="muted small">{words.used_over(attempts.length)}</p>}
      {advice.length > 0 && (
        <ul class="advice">
          {advice.map((a) => (
            <li key={a}>{a}</li>
          ))}
        </ul>
      )}
    </div>
  );
}
