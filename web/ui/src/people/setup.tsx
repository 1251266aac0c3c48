// SPDX-License-Identifier: Apache-2.0
// setup.tsx - a new grid: what was looked at, and the steps that come next.

import { useEffect } from "preact/hooks";
import { Section, State, Text } from "../parts/basic";
import { link } from "../live";
import { Link } from "../router";
import { words } from "../strings";
import { use_asked } from "./ask";
import { Trouble } from "./parts";
import { Trying } from "./trial";
import type { Check } from "./types";
import { w } from "./words";

export function Checks() {
  const { data, problem, again } = use_asked<{ items: Check[] }>("/v1/setup/checks");
  // What is not well stands first.
  const rank = { failed: 0, warn: 1, ok: 2 };
  const items = [...(data?.items ?? [])].sort((a, b) => rank[a.state] - rank[b.state]);
  const of = (state: Check["state"]) => items.filter((c) => c.state === state).length;
  return (
    <>
      <Trouble of={problem} />
      {data && (
        <p class="muted" role="status">
          {w.checks_sum(of("failed"), of("warn"))}{" "}
          <button type="button" class="quiet" onClick={again}>
            {w.checks_again}
          </button>
        </p>
      )}
      <ul class="check-list">
        {items.map((c) => (
          <li key={c.name}>
            <State machine="step" of={c.state === "warn" ? "warned" : c.state} />
            <b>
              <Text of={c.name} max={60} />
            </b>
            <span>
              <Text of={c.text} max={400} />
              {c.fix && (
                <span class="muted">
                  {" "}
                  {w.checks_mend} <Text of={c.fix} max={400} />
                </span>
              )}
            </span>
          </li>
        ))}
      </ul>
    </>
  );
}

const FIRST_JOB = { name: "hello", command: "sh -c 'echo hello from task $REEVE_TASK; sleep 1'", array: "1-10" };

export function Setup() {
  useEffect(() => {
    link.value = { state: "idle" };
    document.title = `${w.first_run} – ${words.product}`;
  }, []);
  const steps: [string, string, string][] = [
    ["/sites/new", w.first_site, w.first_site_text],
    [`/submit?mode=command&fix=${encodeURIComponent(JSON.stringify(FIRST_JOB))}`, w.first_job, w.first_job_text],
    ["/admin?tab=invitations", w.first_people, w.first_people_text],
  ];
  return (
    <div class="people">
      <h1>{w.first_run}</h1>
      <div class="first-steps">
        {steps.map(([to, word, text], i) => (
          <div key={to} class="panel">
            <h2>
              {i + 1}. <Link to={to}>{word}</Link>
            </h2>
            <p class="muted">{text}</p>
          </div>
        ))}
      </div>
      <Trying />
      <Section id="checks" title={w.first_checks}>
        <Checks />
      </Section>
      <p>
        <Link to="/">{w.first_home}</Link>
      </p>
    </div>
  );
}
