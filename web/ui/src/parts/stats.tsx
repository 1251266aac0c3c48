// SPDX-License-Identifier: Apache-2.0
// stats.tsx - the grid in six numbers.

import type { ComponentChildren } from "preact";
import { Ago } from "./basic";
import { Icon } from "./icon";
import { count, seconds } from "../format";
import type { IconName, Tone } from "../states";
import { words } from "../strings";
import type { Overview } from "../types";

function Stat({ icon, tone, label, value, children }: { icon: IconName; tone: Tone; label: string; value: string; children?: ComponentChildren }) {
  return (
    <div class={`stat ${tone}`}>
      <dt>
        <Icon name={icon} />
        {label}
      </dt>
      <dd>
        <b>{value}</b>
        <small>{children}</small>
      </dd>
    </div>
  );
}

function EngineStat({ of: e }: { of: Overview["engine"] }) {
  if (!e.leader || e.alive === false) {
    return (
      <Stat icon="cross" tone="bad" label={words.engine} value={words.engine_none}>
        {words.engine_none_fix}
      </Stat>
    );
  }
  return (
    <Stat icon="check" tone="good" label={words.engine} value={words.engine_leads}>
      {e.last_pass_at && (
        <>
          {words.engine_pass(seconds((e.pass_ms ?? 0) / 1000))} <Ago at={e.last_pass_at} />
        </>
      )}
    </Stat>
  );
}

export function Stats({ of: o }: { of: Overview }) {
  const cpus = (of: "capacity" | "used") => o.sites.reduce((n, s) => n + (s[of]?.cpus ?? 0), 0);
  return (
    <dl class="stats">
      <EngineStat of={o.engine} />
      <Stat icon="play" tone={o.tasks.running ? "busy" : "calm"} label={words.tasks_running} value={count(o.tasks.running)}>
        {words.of_cpus(count(cpus("used")), count(cpus("capacity")))}
      </Stat>
      <Stat icon="clock" tone="calm" label={words.tasks_waiting} value={count(o.tasks.ready)}>
        {words.not_placed}
      </Stat>
      <Stat icon="dots" tone="calm" label={words.jobs_active} value={count(o.jobs.active)}>
        {o.jobs.accepted ? words.jobs_new(count(o.jobs.accepted)) : words.jobs_all_taken}
        {o.jobs.held > 0 && `, ${words.jobs_held(count(o.jobs.held))}`}
      </Stat>
      <Stat icon="check" tone="good" label={words.tasks_succeeded} value={count(o.tasks.succeeded_total)}>
        {words.since_start}
      </Stat>
      <Stat icon="cross" tone={o.tasks.failed_total ? "bad" : "calm"} label={words.tasks_failed} value={count(o.tasks.failed_total)}>
        {words.since_start}
      </Stat>
    </dl>
  );
}
