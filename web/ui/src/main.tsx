// SPDX-License-Identifier: Apache-2.0
// main.tsx - the frame around every page, and the table of pages.

import { signal } from "@preact/signals";
import { render, type ComponentType } from "preact";
import { useEffect } from "preact/hooks";
import { get, log_in, log_out, me, Problem } from "./api";
import { Badge, Empty } from "./parts/basic";
import { Said } from "./parts/dialog";
import { Icon } from "./parts/icon";
import { clock, visible } from "./format";
import { lazy } from "./lazy";
import { link, paused, retry_in } from "./live";
import { Overlay, pause_toggle } from "./overlay";
import { go, Link, path } from "./router";
import { words } from "./strings";
import { theme_next, theme_word } from "./theme";
import type { Me } from "./types";
import { Home } from "./pages/home";
import { JobPage } from "./pages/job";
import { Jobs } from "./pages/jobs";
import { Login, login_problem } from "./pages/login";

interface PageRow {
  pattern: RegExp;
  page: ComponentType<{ id: string }>;
  // The word in the navigation; null for pages reached from others. Where there is no room for all of them, those with
  // `more` stand in a menu: "narrow" on small screens, "always" everywhere.
  nav: { to: string; word: string; more?: "narrow" | "always" } | null;
  // Shown to everybody, signed in or not.
  open?: boolean;
}

const sites = () => import("./pages/sites");
const data = () => import("./pages/data");
const people = () => import("./people/pages");
const Bell = lazy(() => import("./parts/bell").then((m) => m.Bell));
const Enter = lazy(() => people().then((m) => m.Enter));

// A link that works once, as it was opened: what it is for, and its code.
const entering = signal<{ kind: "invite" | "reset" | "setup"; code: string } | null>(null);
const traffic = () => import("./pages/traffic");
const machines = () => import("./pages/machines");
const insights = () => import("./pages/insights");
const help = () => import("./pages/help");

// The first group of a pattern is the page's id.
const pages: PageRow[] = [
  { pattern: /^\/()$/, page: Home, nav: { to: "/", word: words.overview } },
  { pattern: /^\/jobs()$/, page: Jobs, nav: { to: "/jobs", word: words.jobs } },
  { pattern: /^\/data()$/, page: lazy(() => data().then((m) => m.Datasets)), nav: { to: "/data", word: words.data, more: "narrow" } },
  { pattern: /^\/sites()$/, page: lazy(() => sites().then((m) => m.Sites)), nav: { to: "/sites", word: words.sites, more: "narrow" } },
  { pattern: /^\/sites\/new()$/, page: lazy(() => sites().then((m) => m.SiteNew)), nav: null },
  { pattern: /^\/sites\/([^/]{1,200})$/, page: lazy(() => sites().then((m) => m.SitePage)), nav: null },
  { pattern: /^\/submit()$/, page: lazy(() => import("./pages/submit").then((m) => m.Submit)), nav: { to: "/submit", word: words.submit_nav } },
  { pattern: /^\/jobs\/(\d{1,18})$/, page: JobPage, nav: null },
  { pattern: /^\/queue()$/, page: lazy(() => machines().then((m) => m.QueuePage)), nav: { to: "/queue", word: words.queue, more: "always" } },
  { pattern: /^\/transfers()$/, page: lazy(() => traffic().then((m) => m.Transfers)), nav: { to: "/transfers", word: words.transfers, more: "always" } },
  { pattern: /^\/links()$/, page: lazy(() => traffic().then((m) => m.Links)), nav: { to: "/links", word: words.links, more: "always" } },
  { pattern: /^\/workers()$/, page: lazy(() => machines().then((m) => m.Workers)), nav: { to: "/workers", word: words.workers, more: "always" } },
  { pattern: /^\/insights()$/, page: lazy(() => insights().then((m) => m.Insights)), nav: { to: "/insights", word: words.insights, more: "always" } },
  { pattern: /^\/wall()$/, page: lazy(() => insights().then((m) => m.Wall)), nav: { to: "/wall", word: words.wall, more: "always" } },
  { pattern: /^\/api\/docs()$/, page: lazy(() => help().then((m) => m.ApiDocs)), nav: { to: "/api/docs", word: words.api_docs, more: "always" } },
  { pattern: /^\/help()$/, page: lazy(() => help().then((m) => m.Help)), nav: { to: "/help", word: words.help, more: "always" } },
  { pattern: /^\/account()$/, page: lazy(() => people().then((m) => m.Account)), nav: null },
  { pattern: /^\/admin()$/, page: lazy(() => people().then((m) => m.Admin)), nav: null },
  { pattern: /^\/setup()$/, page: lazy(() => people().then((m) => m.Setup)), nav: null },
  // What problems of the API point at: read without signing in.
  { pattern: /^\/docs\/errors()$/, page: lazy(() => help().then((m) => m.ErrorsPage)), nav: null, open: true },
  { pattern: /^\/workers\/(\d{1,12})$/, page: lazy(() => machines().then((m) => m.WorkerPage)), nav: null },
  { pattern: /^\/data:new()$/, page: lazy(() => data().then((m) => m.DataNew)), nav: null },
  { pattern: /^\/data\/([^/]{1,600})$/, page: lazy(() => data().then((m) => m.DatasetPage)), nav: null },
];
const nav = pages.flatMap((p) => (p.nav ? [p.nav] : []));
const is_here = (to: string) => path.value === to || (to !== "/" && path.value.startsWith(`${to}/`));

// The rest of the pages. On a wide screen only those that are always in the menu.
function More() {
  const rest = nav.filter((n) => n.more);
  const inside = rest.some((n) => is_here(n.to) && n.more === "always");
  return (
    <details class="menu more-menu">
      <summary aria-current={inside ? "page" : undefined}>{words.nav_more}</summary>
      <div class="menu-body" onClick={(e) => ((e.currentTarget.parentElement as HTMLDetailsElement).open = false)}>
        {rest.map((n) => (
          <Link key={n.to} to={n.to} class={n.more === "narrow" ? "narrow" : ""} aria-current={is_here(n.to) ? "page" : undefined}>
            {n.word}
          </Link>
        ))}
      </div>
    </details>
  );
}

function LinkBadge() {
  const now = link.value;
  if (now.state === "idle") return null;
  if (now.state === "live") {
    return (
      <Badge icon="wave" tone="good" title={words.link_live_help}>
        {words.link_live}
      </Badge>
    );
  }
  if (now.state === "paused") {
    return (
      <Badge icon="sleep" tone="calm">
        {words.link_paused}
      </Badge>
    );
  }
  if (now.state === "connecting") {
    return (
      <Badge icon="dots" tone="calm">
        {words.link_connecting}
      </Badge>
    );
  }
  return (
    <Badge icon="warn" tone="warn">
      {words.link_stale(clock(now.since))}
      <span class="wide">, {words.link_retrying(retry_in.value)}</span>
    </Badge>
  );
}

// Whoever keeps the members of a project keeps something.
const governs = (user: Me) => user.role === "admin" || (user.memberships ?? []).some((m) => m.role === "admin");

function Header({ user }: { user: Me }) {
  return (
    <header class="top">
      <a class="skip" href="#main">
        {words.skip}
      </a>
      <Link to="/" class="brand" label={words.product}>
        <svg viewBox="0 0 32 32" aria-hidden="true">
          <path d="M9 9.5h6.5a4 4 0 0 1 4 4v5a4 4 0 0 0 4 4M9 22.5h5.5" />
          <circle cx="9" cy="9.5" r="3" />
          <circle cx="9" cy="22.5" r="3" />
          <circle cx="23.5" cy="22.5" r="3" />
        </svg>
        <span class="wide">{words.product}</span>
      </Link>
      <nav aria-label={words.main_nav}>
        {nav.map(
          (n) =>
            n.more !== "always" && (
              <Link key={n.to} to={n.to} class={n.more ? "wide" : ""} aria-current={is_here(n.to) ? "page" : undefined}>
                {n.word}
              </Link>
            ),
        )}
        <More />
      </nav>
      <div class="status" role="status">
        {link.value.state === "idle" ? null : (
          <button type="button" class="badge-button" aria-pressed={paused.value} title={paused.value ? words.palette_resume : words.palette_pause} onClick={pause_toggle}>
            <LinkBadge />
          </button>
        )}
      </div>
      <Bell />
      <details class="menu user-menu">
        <summary>
          <Icon name="user" />
          <span class="unseen">{words.account}</span>
          <span class="wide">{visible(user.name, 40)}</span>
        </summary>
        <div class="menu-body">
          <p class="muted">
            {visible(user.name, 60)} · {user.role}
          </p>
          <Link to="/account">{words.account_page}</Link>
          {governs(user) && <Link to="/admin">{words.admin_page}</Link>}
          <button type="button" class="quiet" onClick={theme_next}>
            <Icon name="theme" />
            {words.theme}: {theme_word()}
          </button>
          <button type="button" class="quiet" onClick={() => void log_out().catch(() => {})}>
            <Icon name="back" />
            {words.sign_out}
          </button>
        </div>
      </details>
    </header>
  );
}

function Missing() {
  useEffect(() => {
    link.value = { state: "idle" };
  }, []);
  return (
    <Empty title={words.not_a_page} whole>
      <p>{words.not_a_page_fix}</p>
      <Link to="/">{words.to_overview}</Link>
    </Empty>
  );
}

function App() {
  const user = me.value;
  useEffect(() => {
    document.documentElement.classList.toggle("stale", link.value.state === "retrying");
  }, [link.value.state]);
  if (entering.value) return <Enter key={entering.value.code} {...entering.value} leave={() => (entering.value = null)} />;
  if (user === undefined) return <p class="boot">{words.loading}</p>;
  const row = pages.find((p) => p.pattern.test(path.value));
  if (user === null && !row?.open) return <Login />;

  const id = row?.pattern.exec(path.value)?.[1] ?? "";
  const Page = row?.page ?? Missing;
  return (
    <>
      {user && <Header user={user} />}
      <main id="main" tabIndex={-1}>
        <Page key={path.value} id={id} />
      </main>
      <Said />
      {user && <Overlay />}
    </>
  );
}

// A login link carries its code behind the #, which browsers send to nobody. It leaves the address bar, and with it
// the history, before anything else happens.
async function enter(): Promise<void> {
  const hash = new URLSearchParams(location.hash.slice(1));
  for (const kind of ["invite", "reset", "setup"] as const) {
    const given = hash.get(kind);
    if (!given) continue;
    go(location.pathname + location.search, "replace");
    entering.value = { kind, code: given };
  }
  const reason = hash.get("login");
  if (reason !== null) {
    go(location.pathname + location.search, "replace");
    login_problem.value = new Problem(401, "unauthorized", words.login_oidc_failed, visible(reason, 200));
  }
  const code = hash.get("code");
  if (code !== null) {
    go(location.pathname + location.search, "replace");
    try {
      return await log_in({ code });
    } catch (reason) {
      const problem = Problem.from(reason);
      login_problem.value =
        problem.status === 0 ? problem : new Problem(problem.status, problem.code, words.login_code_failed, words.login_code_fix);
    }
  }
  try {
    me.value = await get<Me>("/v1/me");
    login_problem.value = null;
  } catch (reason) {
    const problem = Problem.from(reason);
    if (problem.status !== 401 && !login_problem.value) login_problem.value = problem;
    me.value = null;
  }
}

const root = document.getElementById("app");
if (root) render(<App />, root);
// A login link opened in a tab that shows the page already changes nothing but what stands behind the #.
addEventListener("hashchange", () => {
  if (/^#(code|invite|reset|setup)=/.test(location.hash)) void enter();
});
void enter();

// A menu closes when something else is clicked, and by Escape.
function menus_close(but: Node | null): void {
  for (const m of document.querySelectorAll<HTMLDetailsElement>("details.menu[open]")) {
    if (but && m.contains(but)) continue;
    if (!but && m.contains(document.activeElement)) m.querySelector("summary")?.focus();
    m.open = false;
  }
}
addEventListener("click", (e) => menus_close(e.target as Node));
addEventListener("keydown", (e) => e.key === "Escape" && menus_close(null));
