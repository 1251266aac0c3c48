// SPDX-License-Identifier: Apache-2.0
// home.tsx - the first page: what my jobs do, how my sites are, or how the grid is, as one needs it; what happened lately.

import { useEffect, useState } from "preact/hooks";
import { me } from "../api";
import { Failure, Section, Toast } from "../parts/basic";
import { Events } from "../parts/events";
import { Stats } from "../parts/stats";
import { RecentJobs } from "../parts/jobs";
import { MyWork } from "../parts/my_work";
import { Running } from "../parts/running";
import { Feed } from "../feed";
import { count } from "../format";
import { lazy } from "../lazy";
import { clock_set, Watch } from "../live";
import { query, query_set } from "../router";
import { words } from "../strings";
import type { Event, Me, Overview } from "../types";

const EVENTS_MAX = 60;
const KEY = "reeve.home";

const parts = () => import("../home/pages");
const Grid = lazy(() => parts().then((m) => m.Grid));
const Mine = lazy(() => parts().then((m) => m.Mine));
const MySites = lazy(() => parts().then((m) => m.MySites));

type View = "mine" | "sites" | "grid";

// Which of them somebody may want to see; the last one is his until he chooses another.
function views_of(user: Me | null | undefined): View[] {
  if (user?.role === "admin") return ["mine", "sites", "grid"];
  return user?.sites?.length ? ["mine", "sites"] : ["mine"];
}

function view_now(views: View[]): View {
  const asked = query.value.get("view") ?? localStorage.getItem(KEY);
  return views.find((v) => v === asked) ?? views[views.length - 1]!;
}

function Switch({ views, now }: { views: View[]; now: View }) {
  const choose = (v: View) => {
    localStorage.setItem(KEY, v);
    query_set({ view: v });
  };
  return (
    <div class="tabs" role="group" aria-label={words.home_view}>
      {views.map((v) => (
        <button key={v} type="button" aria-pressed={v === now} onClick={() => choose(v)}>
          {words.home_views[v]}
        </button>
      ))}
    </div>
  );
}

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
  const views = views_of(me.value);
  const view = view_now(views);
  return (
    <div class="home">
      <h1 class="unseen">{words.overview}</h1>
      {problem && <Toast problem={problem} />}
      {views.length > 1 && <Switch views={views} now={view} />}
      {view !== "sites" && <Stats of={o} />}
      {view === "mine" && <MyWork overview={o} />}
      {view === "mine" && <Mine overview={o} />}
      {view === "sites" && <MySites overview={o} />}
      {view === "grid" && <Grid overview={o} />}
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
