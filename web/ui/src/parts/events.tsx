// SPDX-License-Identifier: Apache-2.0
import { Ago, Empty, Fresh, Text } from "./basic";
import type { Feed } from "../feed";
import { Link } from "../router";
import { words } from "../strings";
import type { Event } from "../types";

// The sentence, with the number of its job or task as a link: where it stands, or in front when it does not.
function Sentence({ of: e }: { of: Event }) {
  if (e.job === null) {
    const named = e.site === null || e.text.includes(e.site);
    return <Text of={named ? e.text : `${e.site}: ${e.text}`} max={300} />;
  }
  const name = e.task === null ? String(e.job) : `${e.job}.${e.task}`;
  const link = <Link to={e.task === null ? `/jobs/${e.job}` : `/jobs/${e.job}?task=${e.task}`}>{name}</Link>;
  const at = e.text.search(new RegExp(`(?<![\\d.])${name.replace(".", "\\.")}(?![\\d.]*\\d)`));
  if (at < 0) {
    return (
      <>
        {link} <Text of={e.text} max={300} />
      </>
    );
  }
  return (
    <>
      <Text of={e.text.slice(0, at)} max={300} />
      {link}
      <Text of={e.text.slice(at + name.length)} max={300} />
    </>
  );
}

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
              {with_job ? <Sentence of={e} /> : <Text of={e.text} max={300} />}
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
