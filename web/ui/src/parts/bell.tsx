// SPDX-License-Identifier: Apache-2.0
// bell.tsx - what happened of that which one asked to hear of: how many, and a list that says what.

import { useEffect, useState } from "preact/hooks";
import { get, post } from "../api";
import { Ago, Text } from "./basic";
import { Icon } from "./icon";
import { visible } from "../format";
import { Link } from "../router";
import { sheet_use } from "../sheet";
import { words } from "../strings";
import text from "./bell.sheet.css";

sheet_use(text);

const SHOWN = 20;
const PACE_MS = 60_000; // the server gathers for a minute

interface NoticeItem {
  id: number;
  at: string;
  sentence: string;
  events: { job: number | null; site: string | null; text: string }[];
  read_at: string | null;
}

interface Notices {
  items: NoticeItem[];
  unread: number;
}

const target = (n: NoticeItem): string | null => {
  const jobs = [...new Set(n.events.flatMap((e) => (e.job ? [e.job] : [])))];
  if (jobs.length === 1) return `/jobs/${jobs[0]}`;
  if (jobs.length > 1) return `/jobs?ids=${jobs.slice(0, 200).join(",")}`;
  const site = n.events.find((e) => e.site)?.site;
  return site ? `/sites/${encodeURIComponent(site)}` : null;
};

export function Bell() {
  const [notices, set_notices] = useState<Notices | null>(null);
  const [there, set_there] = useState(true);
  const ask = () => {
    if (document.hidden) return;
    void get<Notices>(`/v1/notices?limit=${SHOWN}`).then(set_notices, () => set_there(false));
  };
  useEffect(() => {
    if (!there) return;
    ask();
    const timer = setInterval(ask, PACE_MS);
    return () => clearInterval(timer);
  }, [there]);
  if (!there || !notices) return null;
  const read = () => {
    const last = notices.items[0];
    if (!last || notices.unread === 0) return;
    void post("/v1/notices:read", { up_to: last.id }).then(() => set_notices({ ...notices, unread: 0 }), () => {});
  };
  return (
    <details class="menu bell" onToggle={(e) => e.currentTarget.open && read()}>
      <summary>
        <Icon name="bell" />
        <span class="unseen">{words.notices(notices.unread)}</span>
        {notices.unread > 0 && (
          <span class="bell-count" aria-hidden="true">
            {notices.unread > 99 ? "99+" : notices.unread}
          </span>
        )}
      </summary>
      <div class="menu-body">
        {notices.items.length === 0 && <p class="muted">{words.notices_none}</p>}
        <ul>
          {notices.items.map((n) => {
            const to = target(n);
            return (
              <li key={n.id} class={n.read_at ? "" : "new"}>
                {to ? <Link to={to}>{visible(n.sentence, 300)}</Link> : <Text of={n.sentence} max={300} />}
                <span class="muted small">
                  <Ago at={n.at} />
                </span>
              </li>
            );
          })}
        </ul>
        <Link to="/account?tab=notices">{words.notices_settings}</Link>
      </div>
    </details>
  );
}
