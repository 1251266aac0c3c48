// SPDX-License-Identifier: Apache-2.0
// home.tsx - the first page: is the grid well, what do my jobs do, what happened lately.

import { useEffect, useState } from "preact/hooks";
import { Failure, Section, Toast } from "../parts/basic";
import { Events } from "../parts/events";
import { Stats } from "../parts/stats";
import { Sites } from "../parts/sites";
import { RecentJobs } from "../parts/jobs";
import { MyWork } from "../parts/my_work";
import { Running } from "../parts/running";
import { Feed } from "../feed";
import { count } from "../format";
import { clock_set, Watch } from "../live";
import { words } from "../strings";
import type { Event, Overview } from "../types";

const EVENTS_MAX = 60;

export function Home() {
  const [feed] = useState(() => new Feed<Event>((e) => e.seq, EVENTS_MAX));
  const [watch] = useState(
    () =>
      new Watch<Overview>("/v1/overview", ["overview"], (o) => {
        clock_set(o.now);
        feed.offer(o.events);
      }),
  );
  useEffect(() => {
    document.title = words.product;
    return watch.start();
  }, []);

  const o = watch.data.value;
  const problem = watch.problem.value;
  if (!o) return problem ? <Failure problem={problem} /> : <p class="boot">{words.loading}</p>;
  return (
    <div class="home">
      <h1 class="unseen">{words.overview}</h1>
      {problem && <Toast problem={problem} />}
      <Stats of={o} />
      <MyWork overview={o} />
      <Sites of={o.sites} />
      <div class="columns">
        <RecentJobs overview={o} />
        <div class="side">
          <Section id="running" title={words.running_now} aside={<span class="muted">{count(o.tasks.running)}</span>}>
            <Running of={o.running} />
          </Section>
          <Section id="events" title={words.events}>
            <Events feed={feed} with_job />
          </Section>
        </div>
      </div>
    </div>
  );
}
