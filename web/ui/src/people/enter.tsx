// SPDX-License-Identifier: Apache-2.0
// enter.tsx - what a link that works once leads to: an invitation, a new password, the setup of a new grid.

import { useEffect, useState } from "preact/hooks";
import { get, me, post, Problem } from "../api";
import { Failure } from "../parts/basic";
import { visible } from "../format";
import { go } from "../router";
import { words } from "../strings";
import type { Me } from "../types";
import { Field } from "./parts";
import { use_passwords } from "./password";
import { w } from "./words";

export type EnterKind = "invite" | "reset" | "setup";

interface Looked {
  kind: EnterKind;
  name: string | null;
  role: string | null;
  project: string | null;
  project_role: string | null;
}

const titles: Record<EnterKind, string> = { invite: w.enter_invite, reset: w.enter_reset, setup: w.enter_setup };

export function Enter({ kind, code, leave }: { kind: EnterKind; code: string; leave: () => void }) {
  const [looked, set_looked] = useState<Looked | Problem | null>(null);
  const [name, set_name] = useState("");
  const [busy, set_busy] = useState(false);
  const [problem, set_problem] = useState<Problem | null>(null);
  const [label, set_label] = useState<string | null>(null);
  const two = use_passwords();
  useEffect(() => {
    if (kind === "invite") void get<{ oidc: { label: string } | null }>("/v1/login").then((ways) => set_label(ways.oidc?.label ?? null), () => {});
    void post<Looked>("/v1/invitations:look", { code }).then(set_looked, (reason: unknown) => set_looked(Problem.from(reason)));
  }, []);
  const enter = async (e: SubmitEvent) => {
    e.preventDefault();
    set_busy(true);
    set_problem(null);
    try {
      const body = { code, password: two.first, ...(kind === "reset" ? {} : { name: name.trim() }) };
      me.value = await post<Me>(kind === "setup" ? "/v1/setup" : "/v1/invitations:use", body);
      leave();
      go(kind === "setup" ? "/setup" : "/", "replace");
    } catch (reason) {
      set_problem(Problem.from(reason));
      set_busy(false);
    }
  };
  const elsewhere = async () => {
    set_busy(true);
    try {
      const there = await post<{ url: string } | null>("/v1/oidc/start", { code, then: "/" });
      if (there) location.assign(there.url);
    } catch (reason) {
      set_problem(Problem.from(reason));
      set_busy(false);
    }
  };
  const gone = looked instanceof Problem && looked.status === 404;
  return (
    <main class="login people" id="main">
      <div class="card">
        <h1>{gone ? w.enter_gone : titles[kind]}</h1>
        {looked === null && <p class="muted">{w.enter_looking}</p>}
        {looked instanceof Problem && (gone ? <p>{w.enter_gone_fix}</p> : <Failure problem={looked} />)}
        {looked && !(looked instanceof Problem) && (
          <>
            <p>
              {kind === "setup" && w.enter_setup_lead}
              {kind === "invite" && w.enter_invite_as(looked.role ?? "submitter", looked.project && visible(looked.project, 60))}
              {kind === "reset" && w.enter_reset_for(visible(looked.name ?? "", 60))}
            </p>
            {label && (
              <p>
                <button type="button" disabled={busy} onClick={() => void elsewhere()}>
                  {w.enter_elsewhere(visible(label, 60))}
                </button>
              </p>
            )}
            <form onSubmit={enter}>
              {kind === "reset" ? (
                <input type="text" class="unseen" autocomplete="username" tabIndex={-1} aria-hidden="true" readOnly value={looked.name ?? ""} />
              ) : (
                <Field label={w.enter_name} value={name} set={set_name} hint={w.enter_name_hint} complete="username" max={64} need />
              )}
              {two.fields()}
              {problem && <Failure problem={problem} />}
              <button class="primary" disabled={busy || !two.fits || (kind !== "reset" && !name.trim())}>
                {busy ? words.login_busy : w.enter_go}
              </button>
            </form>
          </>
        )}
        <p>
          <button type="button" class="quiet" onClick={leave}>
            {w.enter_other}
          </button>
        </p>
      </div>
    </main>
  );
}
