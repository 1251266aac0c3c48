// SPDX-License-Identifier: Apache-2.0
// login.tsx - the ways in: name and password, a provider, a token; those that the server has.

import { signal } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";
import { get, log_in, Problem } from "../api";
import { Command, Failure, Notice } from "../parts/basic";
import { visible } from "../format";
import { path } from "../router";
import { words } from "../strings";

export const login_problem = signal<Problem | null>(null);

interface Ways {
  password: boolean;
  oidc: { label: string; url: string } | null;
  setup: boolean;
}

// What a server without the question has.
const TOKEN_ONLY: Ways = { password: false, oidc: null, setup: false };

function use_ways(): Ways | null {
  const [ways, set_ways] = useState<Ways | null>(null);
  useEffect(() => {
    void get<Ways>("/v1/login").then(set_ways, () => set_ways(TOKEN_ONLY));
  }, []);
  return ways;
}

function use_entering(wrong: string) {
  const [busy, set_busy] = useState(false);
  const enter = async (credential: Parameters<typeof log_in>[0]) => {
    set_busy(true);
    try {
      await log_in(credential);
      login_problem.value = null;
    } catch (reason) {
      const p = Problem.from(reason);
      login_problem.value = p.status === 401 ? new Problem(401, p.code, wrong, p.detail) : p;
      set_busy(false);
    }
  };
  return { busy, enter };
}

function ByPassword() {
  const [name, set_name] = useState("");
  const [password, set_password] = useState("");
  const { busy, enter } = use_entering(words.login_wrong);
  return (
    <form
      onSubmit={(e) => {
        e.preventDefault();
        void enter({ name: name.trim(), password });
      }}
    >
      <label for="name">{words.login_name}</label>
      <input id="name" type="text" autocomplete="username" spellcheck={false} required maxLength={64} value={name} onInput={(e) => set_name(e.currentTarget.value)} />
      <label for="password">{words.login_password}</label>
      <input id="password" type="password" autocomplete="current-password" required maxLength={1024} value={password} onInput={(e) => set_password(e.currentTarget.value)} />
      <button class="primary" disabled={busy}>
        {busy ? words.login_busy : words.login_button}
      </button>
    </form>
  );
}

function ByToken({ first }: { first: boolean }) {
  const [token, set_token] = useState("");
  const { busy, enter } = use_entering(words.login_failed);
  return (
    <>
      <form
        onSubmit={(e) => {
          e.preventDefault();
          void enter({ token: token.trim() });
        }}
      >
        <label for="token">{words.login_token}</label>
        <input id="token" type="password" autocomplete="off" spellcheck={false} required maxLength={200} aria-describedby="token-hint" value={token} onInput={(e) => set_token(e.currentTarget.value)} />
        <small id="token-hint">{words.login_hint}</small>
        <button class={first ? "primary" : ""} disabled={busy}>
          {busy ? words.login_busy : words.login_button}
        </button>
      </form>
      <p>{words.login_other}</p>
      <Command line="reeve login-link" />
    </>
  );
}

export function Login() {
  const ways = use_ways();
  return (
    <main class="login" id="main">
      <div class="card">
        <h1>{words.product}</h1>
        <p>{words.login_lead}</p>
        {login_problem.value && <Failure problem={login_problem.value} />}
        {ways?.setup && <Notice tone="calm" icon="link" title={words.login_setup} />}
        {ways?.password && <ByPassword />}
        {ways?.oidc && (
          <p>
            <a class="button" href={`${ways.oidc.url}?then=${encodeURIComponent(path.value)}`}>
              {visible(ways.oidc.label, 60)}
            </a>
          </p>
        )}
        {ways && (ways.password || ways.oidc ? (
          <details>
            <summary>{words.login_by_token}</summary>
            <ByToken first={false} />
          </details>
        ) : (
          <ByToken first />
        ))}
      </div>
    </main>
  );
}
