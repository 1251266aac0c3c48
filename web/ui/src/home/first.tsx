// SPDX-License-Identifier: Apache-2.0
// first.tsx - what a new grid still lacks, on the home page until it is done or sent away.

import { useState } from "preact/hooks";
import { Badge, Section } from "../parts/basic";
import { Link } from "../router";
import type { Overview } from "../types";
import { w } from "./words";

const KEY = "reeve.first-steps";

export function First({ overview: o, people }: { overview: Overview; people: boolean }) {
  const [gone, set_gone] = useState(() => localStorage.getItem(KEY) === "hidden");
  const steps: [string, string, string, boolean][] = [
    ["/setup", w.first_site, w.first_site_text, o.sites.some((s) => s.health === "up")],
    ["/submit", w.first_job, w.first_job_text, o.recent_jobs.length > 0],
    ["/admin?tab=invitations", w.first_people, w.first_people_text, people],
  ];
  if (gone || steps.every((s) => s[3])) return null;
  const hide = () => {
    localStorage.setItem(KEY, "hidden");
    set_gone(true);
  };
  return (
    <Section
      id="first-steps"
      title={w.first}
      aside={
        <button type="button" class="quiet" onClick={hide}>
          {w.first_hide}
        </button>
      }
    >
      <ol class="first-list">
        {steps.map(([to, word, text, done]) => (
          <li key={to}>
            {done ? (
              <Badge icon="check" tone="good">
                {w.first_done}
              </Badge>
            ) : null}
            <Link to={to}>{word}</Link> <span class="muted">{text}</span>
          </li>
        ))}
      </ol>
    </Section>
  );
}
