// SPDX-License-Identifier: Apache-2.0
// trial.tsx - this machine as a site by one click, an array on it to its end, and all of it away again by another.

import { useEffect, useState } from "preact/hooks";
import { get, me, post, Problem, send } from "../api";
import { Progress } from "../parts/bars";
import { Command, Failure, JobState, Notice, Section, State, Text } from "../parts/basic";
import { count, visible } from "../format";
import { Link } from "../router";
import { words } from "../strings";
import type { Job, Submitted } from "../types";
import { w } from "./words";

interface Trial {
  able: boolean;
  why: string | null;
  state: "none" | "beginning" | "ready" | "ending" | "failed";
  site: string | null;
  user: string | null;
  steps: { name: string; state: string; text: string | null }[];
  message: string | null;
}

const PATH = "/v1/setup/try";
const LABEL = "try";
const PACE_MS = 700;
const TASKS = 20;
const ENDED = ["succeeded", "failed", "cancelled"];

const project_of = (): string | null => {
  const first = me.value?.projects[0];
  return first === undefined ? null : typeof first === "string" ? first : first.name;
};

const demo = (site: string) => ({
  name: "hello",
  command: ["sh", "-c", `echo hello from task $REEVE_TASK of ${TASKS}; sleep 1`],
  array: `1-${TASKS}`,
  sites: [site],
  labels: { [LABEL]: site },
  ...(project_of() ? { project: project_of() } : {}),
});

// The newest of its jobs, when there is one.
async function newest(site: string): Promise<Job | null> {
  const page = await get<{ items: Job[] }>(`/v1/jobs?label=${LABEL}:${encodeURIComponent(site)}&limit=1`);
  return page.items[0] ?? null;
}

interface Known {
  trial: Trial | null;
  job: Job | null;
}

function use_trial(): { known: Known; problem: Problem | null; begin: () => void; run: () => void; end: () => void } {
  const [known, set_known] = useState<Known>({ trial: null, job: null });
  const [problem, set_problem] = useState<Problem | null>(null);
  const [wanted, set_wanted] = useState<"job" | null>(null);
  const busy = known.trial === null || known.trial.state === "beginning" || known.trial.state === "ending" || wanted !== null || (known.job !== null && !ENDED.includes(known.job.state));
  const fail = (reason: unknown) => set_problem(Problem.from(reason));

  const submit = async (site: string) => {
    set_wanted(null);
    await post<Submitted>("/v1/jobs", demo(site));
  };
  const look = async () => {
    const trial = await get<Trial>(PATH);
    if (trial.state === "ready" && trial.site && wanted === "job") await submit(trial.site);
    if (trial.state === "failed") set_wanted(null);
    const job = trial.site && trial.state === "ready" ? await newest(trial.site) : null;
    set_known({ trial, job });
  };
  useEffect(() => {
    let over = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const turn = async () => {
      if (!document.hidden || known.trial === null) await look().catch(fail);
      if (!over && busy) timer = setTimeout(() => void turn(), PACE_MS);
    };
    void turn();
    return () => {
      over = true;
      clearTimeout(timer);
    };
  }, [busy, wanted]);

  const order = (method: "POST" | "DELETE", then: "job" | null) => async () => {
    set_problem(null);
    try {
      const reply = await send(PATH, { method, ...(method === "POST" ? { body: {} } : {}) });
      set_known({ trial: (await reply.json()) as Trial, job: null });
      set_wanted(then);
    } catch (reason) {
      fail(reason);
    }
  };
  return {
    known,
    problem,
    begin: () => void order("POST", "job")(),
    run: () => {
      set_problem(null);
      if (known.trial?.site) void submit(known.trial.site).then(look, fail);
    },
    end: () => void order("DELETE", null)(),
  };
}

function Steps({ of: t }: { of: Trial }) {
  return (
    <ol class="check-list trial-steps" aria-live="polite">
      {t.steps.map((s) => (
        <li key={s.name}>
          <State machine="step" of={s.state} />
          <b>{w.trial_steps[s.name] ?? visible(s.name, 40)}</b>
          <span>{s.text && <Text of={s.text} max={400} />}</span>
        </li>
      ))}
    </ol>
  );
}

// Where the server may not do it by itself: the same by hand, through the usual way.
function ByHand({ of: t }: { of: Trial }) {
  return (
    <>
      <p>
        <Text of={w.trial_unable} /> <span class="muted"><Text of={t.why} max={500} /></span>
      </p>
      <p>{w.trial_by_hand}</p>
      <Command line="sudo apt install openssh-server && sudo useradd --create-home --shell /bin/sh grid" />
      <p>
        <Link to="/sites/new?name=here&host=localhost&user=grid" class="button">
          {w.trial_wizard}
        </Link>
      </p>
    </>
  );
}

function JobLine({ of: j }: { of: Job }) {
  const done = ENDED.includes(j.state);
  return (
    <div class="trial-job">
      <p>
        <Link to={`/jobs/${j.id}`}>
          <span class="id">{j.id}</span> <Text of={j.name} max={80} />
        </Link>{" "}
        <JobState of={j} /> <span class="muted num">{`${count(j.tasks.succeeded)} / ${count(j.tasks.total)}`}</span>
      </p>
      <Progress of={j.tasks} />
      {done && (
        <p>
          <Link to={`/jobs/${j.id}?tab=log&task=1`}>{w.trial_output}</Link> · <Link to={`/jobs/${j.id}?tab=timeline`}>{w.trial_when}</Link> · <Link to={`/jobs/${j.id}?tab=why`}>{w.trial_why}</Link>
        </p>
      )}
    </div>
  );
}

export function Trying() {
  const { known, problem, begin, run, end } = use_trial();
  const t = known.trial;
  const there = t && (t.state === "ready" || t.state === "failed");
  const moving = t?.state === "beginning" || t?.state === "ending";
  return (
    <Section id="try" title={w.trial}>
      {problem && <Failure problem={problem} />}
      {!t && !problem && <p class="muted">{words.loading}</p>}
      {t && !t.able && t.state === "none" && <ByHand of={t} />}
      {t && (t.able || t.state !== "none") && (
        <>
          <p class="muted">{w.trial_lead(visible(t.user ?? "", 64))}</p>
          {moving && <Steps of={t} />}
          {t.state === "failed" && (
            <>
              <Steps of={t} />
              <Notice tone="bad" icon="cross" title={w.trial_failed}>
                <p>
                  <Text of={t.message} max={500} />
                </p>
              </Notice>
            </>
          )}
          {t.state === "ready" && (
            <Notice tone="good" icon="check" title={w.trial_ready}>
              <p>
                <Link to={`/sites/${encodeURIComponent(t.site ?? "")}`}>{w.trial_site}</Link>
              </p>
            </Notice>
          )}
          {known.job && <JobLine of={known.job} />}
          <div class="buttons">
            {(t.state === "none" || t.state === "failed") && (
              <button type="button" class="primary" onClick={begin}>
                {t.state === "none" ? w.trial_begin : w.trial_again}
              </button>
            )}
            {t.state === "ready" && (
              <button type="button" onClick={run}>
                {w.trial_run}
              </button>
            )}
            {there && (
              <button type="button" class="danger" onClick={end}>
                {w.trial_end}
              </button>
            )}
          </div>
        </>
      )}
    </Section>
  );
}
