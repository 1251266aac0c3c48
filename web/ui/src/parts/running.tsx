// SPDX-License-Identifier: Apache-2.0
import { useRef } from "preact/hooks";
import { Empty, Lasting, Text } from "./basic";
import { slots_fill, type Slot } from "../feed";
import { Link } from "../router";
import { words } from "../strings";
import type { RunningTask } from "../types";

// A task that ends leaves its row to the next one, so that rows neither move nor vanish under the pointer.
export function Running({ of: items }: { of: RunningTask[] }) {
  const slots = useRef<Slot<RunningTask>[]>([]);
  const seen = useRef<RunningTask[] | null>(null);
  if (seen.current !== items) {
    slots.current = slots_fill(slots.current, items, (r) => `${r.job}.${r.task}#${r.attempt}`);
    seen.current = items;
  }
  if (slots.current.length === 0) return <Empty title={words.running_none} />;
  return (
    <ul class="running-list">
      {slots.current.map(({ item: r, ended }, i) => (
        <li key={i} class={ended ? "ended" : ""}>
          <span class="grow">
            <Link to={`/jobs/${r.job}?task=${r.task}`}>
              {r.job}.{r.task}
              {r.attempt > 1 && `#${r.attempt}`}
            </Link>{" "}
            <Text of={r.name} max={60} />
          </span>
          <span class="muted">
            <Text of={r.site} max={40} />
          </span>
          <span class="num">{ended ? words.running_ended : <Lasting from={r.started_at} to={null} />}</span>
        </li>
      ))}
    </ul>
  );
}
