// SPDX-License-Identifier: Apache-2.0
// bars.tsx - shares of a whole as bars; the numbers always stand beside them.

import { count } from "../format";
import { words } from "../strings";
import type { TaskCounts } from "../types";

const percent = (part: number, whole: number) => `${whole > 0 ? Math.min(100, (100 * part) / whole) : 0}%`;

export interface Part {
  kind: string;
  word: string;
  n: number;
}

// The parts of a job, in the order in which they stand in its bar. `running` is a part of `placed`.
export function parts_of(t: TaskCounts): Part[] {
  return [
    { kind: "succeeded", word: words.part_succeeded, n: t.succeeded },
    { kind: "failed", word: words.part_failed, n: t.failed },
    { kind: "cancelled", word: words.part_cancelled, n: t.cancelled },
    { kind: "running", word: words.part_running, n: Math.min(t.running, t.placed) },
    { kind: "starting", word: words.part_starting, n: Math.max(0, t.placed - t.running) },
    { kind: "ready", word: words.part_ready, n: t.ready },
    { kind: "blocked", word: words.part_blocked, n: t.blocked },
  ];
}

export function Progress({ of: t }: { of: TaskCounts }) {
  const some = parts_of(t).filter((p) => p.n > 0);
  const done = t.succeeded + t.failed + t.cancelled;
  const label = words.progress(count(done), count(t.total), some.map((p) => `${count(p.n)} ${p.word}`).join(", "));
  return (
    <div class="progress" role="img" aria-label={label} title={label}>
      {some.map((p) => (
        <i key={p.kind} class={p.kind} style={{ width: percent(p.n, t.total) }} />
      ))}
    </div>
  );
}

export function Meter({ label, used, all, text }: { label: string; used: number; all: number; text: string }) {
  const full = all > 0 && used / all >= 0.9;
  return (
    <div class="meter">
      <span class="meter-label">{label}</span>
      <div class="track" aria-hidden="true">
        <i class={full ? "full" : ""} style={{ width: percent(used, all) }} />
      </div>
      <span class="meter-text">{text}</span>
    </div>
  );
}
