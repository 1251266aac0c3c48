// SPDX-License-Identifier: Apache-2.0
import { signal } from "@preact/signals";
import { useState } from "preact/hooks";
import { log_in, Problem } from "../api";
import { Command, Failure } from "../parts/basic";
import { words } from "../strings";

export const login_problem = signal<Problem | null>(null);

export function Login() {
  const [token, set_token] = useState("");
  const [busy, set_busy] = useState(false);
  const enter = async (e: SubmitEvent) => {
    e.preventDefault();
    set_busy(true);
    try {
      await log_in({ token: token.trim() });
      login_problem.value = null;
    } catch (reason) {
      const p = Problem.from(reason);
      login_problem.value = p.status === 401 ? new Problem(401, p.code, words.login_failed, p.detail) : p;
      set_busy(false);
    }
  };
  return (
    <main class="login" id="main">
      <div class="card">
        <h1>{words.product}</h1>
        <p>{words.login_lead}</p>
        {login_problem.value && <Failure problem={login_problem.value} />}
        <form onSubmit={enter}>
          <label for="token">{words.login_token}</label>
          <input
            id="token"
            type="password"
            autocomplete="off"
            spellcheck={false}
            required
            maxLength={200}
            aria-describedby="token-hint"
            value={token}
            onInput={(e) => set_token(e.currentTarget.value)}
          />
          <small id="token-hint">{words.login_hint}</small>
          <button class="primary" disabled={busy}>
            {busy ? words.login_busy : words.login_button}
          </button>
        </form>
        <p>{words.login_other}</p>
        <Command line="reeve login-link" />
      </div>
    </main>
  );
}
