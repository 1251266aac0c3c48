// SPDX-License-Identifier: Apache-2.0
import { Ago, Empty, Fresh, Text } from "./basic";
import type { Feed } from "../feed";
import { Link } from "../router";
import { words } from "../strings";
import type { Event } from "../types";

export function Events({ feed, with_job }: { feed: Feed<Event>; with_job: boolean }) {
  const shown = feed.shown.value;
  if (shown.length === 0) return <Empty title={words.events_none} />;
  return (
    <>
      <Fresh label={words.events_fresh} n={feed.fresh.value.length} onClick={() => feed.reveal()} />
      <ol class="events">
        {shown.map((e) => (
          <li key={e.seq}>
            <Ago at={e.at} />
            <span>
              {with_job && e.job !== null && (
                <>
                  <Link to={`/jobs/${e.job}`}>{e.task === null ? e.job : `${e.job}.${e.task}`}</Link>{" "}
                </>
              )}
              <Text of={e.text} max={300} />
              {e.actor && (
                <span class="muted">
                  {" "}
                  <Text of={e.actor} max={60} />
                </span>
              )}
            </span>
          </li>
        ))}
      </ol>
    </>
  );
}
