// SPDX-License-Identifier: Apache-2.0
// jobs.tsx - the newest jobs, as the overview carries them; the page of jobs has the others.

import { useEffect, useState } from "preact/hooks";
import { Command, Empty, Fresh, Section } from "./basic";
import { columns_named, JobHead, JobRow } from "./job_rows";
import { Feed } from "../feed";
import { Link } from "../router";
import { words } from "../strings";
import type { Job, Overview } from "../types";

const ROWS_MAX = 40;

function None() {
  return (
    <Empty title={words.jobs_none}>
      <ul class="doors">
        <li>
          <Link to="/submit?mode=command">{words.door_command}</Link>
        </li>
        <li>
          <Link to="/submit?mode=script">{words.door_script}</Link>
        </li>
        <li>
          <Link to="/submit?mode=file">{words.door_file}</Link>
        </li>
      </ul>
      <p>{words.jobs_none_fix}</p>
      <Command line="reeve submit -- hostname" />
    </Empty>
  );
}

export function RecentJobs({ overview }: { overview: Overview }) {
  const [feed] = useState(() => new Feed<Job>((j) => j.id, ROWS_MAX));
  useEffect(() => feed.offer(overview.recent_jobs), [overview]);
  const columns = columns_named(["user", "submitted"]);
  const shown = feed.shown.value;
  // More may be waiting than the overview carries: then the list starts over, so that it has no hole.
  const reveal = () => {
    if (feed.fresh.value.length < overview.recent_jobs.length) return feed.reveal();
    feed.reset();
    feed.offer(overview.recent_jobs);
  };
  return (
    <Section id="jobs" title={words.recent_jobs} aside={<Link to="/jobs">{words.all_jobs}</Link>}>
      <Fresh label={words.jobs_fresh} n={feed.fresh.value.length} onClick={reveal} />
      {shown.length === 0 ? (
        <None />
      ) : (
        <table class="rows jobs" role="table">
          <caption class="unseen">{words.recent_jobs}</caption>
          <JobHead columns={columns} />
          <tbody role="rowgroup">
            {shown.map((j) => (
              <JobRow key={j.id} of={j} columns={columns} />
            ))}
          </tbody>
        </table>
      )}
    </Section>
  );
}
