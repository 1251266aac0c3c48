// SPDX-License-Identifier: Apache-2.0
// cases_people.mjs - the pages about people against canned answers: the ways in, links that work once, the account, the
// administration, notices.
import { axe_check, must, wait_until } from "./browser.mjs";
import { CODE, PASSWORD } from "./mock.mjs";

const text_of = (page, selector) => page.locator(selector).first().innerText();
const sign_in = async ({ page, mock }, path = "/") => {
  mock.code_used = false;
  await page.goto(`${mock.url}${path}#code=${CODE}`);
  await page.waitForSelector("header.top");
};
const LONG = "a sentence of words";
const all_ways = (w) => (w.mock.scene.people.ways = { password: true, oidc: { label: "Sign in with the institute", url: "/v1/oidc/start" }, setup: true });
const open_tab = (path, there) => async (w) => (await sign_in(w, path), await w.page.waitForSelector(there));

// As page_views of run.mjs.
export const people_views = [
  ["sign-in-all-ways", async (w) => (all_ways(w), await w.page.goto(w.mock.url), await w.page.waitForSelector("#password"), await w.page.click("summary"))],
  ["invited", async (w) => (await w.page.goto(`${w.mock.url}/#invite=good-invite`), await w.page.waitForSelector("input[type=password]"))],
  ["account", open_tab("/account", "input[type=password]")],
  ["account-tokens", async (w) => (await sign_in(w, "/account?tab=tokens"), await w.page.click(".fold summary"), await w.page.click("label:has-text('Only this') input"))],
  ["account-sessions", open_tab("/account?tab=sessions", ".rows tbody tr")],
  ["account-notices", async (w) => (await sign_in(w, "/account?tab=notices"), await w.page.waitForSelector(".rows tbody tr"), await w.page.click(".fold summary"))],
  ["account-preferences", open_tab("/account?tab=preferences", ".key-rows label")],
  ["admin-users", async (w) => (await sign_in(w, "/admin"), await w.page.waitForSelector(".rows tbody tr"), await w.page.click(".fold summary"))],
  ["admin-projects", open_tab("/admin?tab=projects", ".rows tbody tr")],
  ["admin-project", open_tab("/admin?tab=projects&project=phage", ".rows tbody tr")],
  ["admin-invitations", open_tab("/admin?tab=invitations", ".rows tbody tr")],
  ["admin-audit", open_tab("/admin?tab=audit", ".rows tbody tr")],
  ["admin-system", open_tab("/admin?tab=system", ".check-list li")],
  ["setup", async (w) => ((w.mock.scene.people.trial.fails = "up"), (w.mock.scene.people.trial.why_fails = "its worker did not report"), await sign_in(w, "/setup"), await w.page.waitForSelector(".check-list li"), await w.page.click("button:has-text('Try it now')"), await w.page.waitForSelector(".notice.bad"))],
  ["notices", async (w) => (await sign_in(w, "/jobs/1040?tab=events"), await w.page.click(".bell summary"), await w.page.waitForSelector(".bell li"))],
];

export const people_cases = [
  {
    name: "name and password sign in, a wrong password is refused in words; the other ways are there",
    run: async (w) => {
      all_ways(w);
      await w.page.goto(`${w.mock.url}/jobs`);
      await w.page.fill("#name", "ann");
      await w.page.fill("#password", "wrong");
      await w.page.click("button.primary");
      await w.page.waitForSelector("[role=alert]:has-text('Name and password were not accepted')");
      must((await w.page.getAttribute("a.button", "href")) === "/v1/oidc/start?then=%2Fjobs", "the provider does not lead back");
      must((await text_of(w.page, ".card")).includes("setup link"), "no word about the setup link");
      await w.page.fill("#password", PASSWORD);
      await w.page.click("button.primary");
      await w.page.waitForSelector(".jobs tbody tr");
    },
  },
  {
    name: "an invitation lets somebody in once: name and password, and its code leaves the address",
    run: async (w) => {
      await w.page.goto(`${w.mock.url}/#invite=good-invite`);
      await w.page.waitForSelector("text=a member of the project phage");
      must(!w.page.url().includes("good-invite"), "the code is in the address");
      must(!w.mock.requests.some((r) => r.includes("good-invite")), "the code was sent in a URL");
      await w.page.fill("label:has-text('Login name') input", "nina");
      await w.page.fill("label:has-text('New password') input", "short");
      must(await w.page.isDisabled("button.primary"), "a short password would be sent");
      await w.page.fill("label:has-text('New password') input", LONG);
      await w.page.fill("label:has-text('The same again') input", `${LONG}!`);
      await w.page.waitForSelector("text=The two are not the same");
      await w.page.fill("label:has-text('The same again') input", LONG);
      await w.page.click("button.primary");
      await w.page.waitForSelector("header.top");
      must(w.mock.scene.people.acts.join() === "POST /v1/invitations:use nina", w.mock.scene.people.acts.join());
    },
  },
  {
    name: "a link that was used says so and offers the other ways",
    page: { allow: /status of 404/ },
    run: async (w) => {
      await w.page.goto(`${w.mock.url}/#reset=gone`);
      await w.page.waitForSelector("h1:has-text('This link does not work')");
      await w.page.click("text=Sign in instead");
      await w.page.waitForSelector("#token");
    },
  },
  {
    name: "the setup link makes the first admin and leads to the first steps, the first job among them",
    run: async (w) => {
      await w.page.goto(`${w.mock.url}/#setup=good-setup`);
      await w.page.fill("label:has-text('Login name') input", "root");
      await w.page.fill("label:has-text('New password') input", LONG);
      await w.page.fill("label:has-text('The same again') input", LONG);
      await w.page.click("button.primary");
      await w.page.waitForSelector(".first-steps");
      await w.page.waitForSelector(".check-list :text('unencrypted')");
      await w.page.click("a:has-text('Run a first job')");
      await wait_until("the form is filled in", async () => (await w.page.inputValue("label:has-text('Command and') input")).includes("echo hello"));
      must((await w.page.inputValue("#field-array")) === "1-10", "no array");
    },
  },
  {
    name: "this machine is a site by one click, runs tasks to their end, and is gone again by another; where it may not, the way by hand is shown",
    run: async (w) => {
      const trial = w.mock.scene.people.trial;
      await sign_in(w, "/setup");
      await w.page.click("button:has-text('Try it now')");
      await w.page.waitForSelector(".trial-steps li:has-text('Start a worker')");
      await w.page.waitForSelector(".notice.good:has-text('This machine is a site')");
      await w.page.waitForSelector(".trial-job .progress");
      const sent = w.mock.scene.submitted.at(-1);
      must(sent.array === "1-20" && sent.sites.join() === "this-machine" && sent.labels.try === "this-machine", JSON.stringify(sent));
      Object.assign(w.mock.scene.jobs[0], { state: "succeeded", finished_at: new Date().toISOString() });
      await w.page.waitForSelector("a:has-text('What a task wrote')");
      const faults = await axe_check(w.page);
      await w.page.click("button:has-text('Take it away again')");
      await w.page.waitForSelector(".trial-steps li:has-text('Remove everything')");
      await w.page.waitForSelector("button:has-text('Try it now')");
      must(trial.state === "none", trial.state);
      Object.assign(trial, { able: false, why: "the setting try_local is off", user: null, steps: [] });
      await w.page.reload();
      await w.page.click("a:has-text('Add this machine as a site')");
      await wait_until("the form is filled in", async () => (await w.page.inputValue("label:has-text('Host to log in to') input")) === "localhost");
      return faults;
    },
  },
  {
    name: "home: each sees what is his, and what he chose last comes again",
    run: async (w) => {
      await sign_in(w);
      await w.page.waitForSelector("#attention");
      must((await text_of(w.page, "#attention >> xpath=ancestor::section")).includes("no engine holds the lease") === false, "the engine is told twice");
      await w.page.click("button:has-text('My work')");
      await w.page.waitForSelector(".quick input");
      await w.page.fill(".quick input", "echo hello");
      await w.page.click(".quick button.primary");
      await wait_until("it was submitted", async () => w.mock.scene.submitted.at(-1)?.command?.join(" ") === "sh -c echo hello");
      await w.page.goto(`${w.mock.url}/`);
      await w.page.waitForSelector("button[aria-pressed=true]:has-text('My work')");
      await w.page.click("button:has-text('My sites')");
      await w.page.waitForSelector("h3:has-text('Running here')");
      // A submitter who governs nothing has one home and no choice.
      Object.assign(w.mock.scene.people.me, { role: "submitter", sites: [] });
      await w.page.goto(`${w.mock.url}/?view=grid`);
      await w.page.waitForSelector(".my-work");
      must((await w.page.locator("button:has-text('The grid')").count()) === 0, "a submitter is offered the grid");
    },
  },
  {
    name: "account: the password is changed with the old one; what is wrong is said",
    page: { allow: /status of 422/ },
    run: async (w) => {
      await sign_in(w, "/account");
      await w.page.fill("label:has-text('Current password') input", "wrong wrong wrong");
      await w.page.fill("label:has-text('New password') input", LONG);
      await w.page.fill("label:has-text('The same again') input", LONG);
      await w.page.click("button.primary");
      await w.page.waitForSelector("[role=alert]:has-text('is not the current password')");
      await w.page.fill("label:has-text('Current password') input", PASSWORD);
      await w.page.click("button.primary");
      await w.page.waitForSelector("text=The password is set");
      must((await w.page.inputValue("label:has-text('New password') input")) === "", "the password stays in the form");
    },
  },
  {
    name: "account: who one is elsewhere is unlinked after a question; a code for a command line is shown; what linking came to is said",
    run: async (w) => {
      await sign_in(w, "/account");
      await w.page.waitForSelector("#identities >> xpath=ancestor::section >> text=login.example.org");
      await w.page.click("button:has-text('Unlink')");
      await w.page.click("dialog .danger");
      await wait_until("it is unlinked", async () => w.mock.scene.people.acts.includes("unlink 3"));
      await w.page.click("button:has-text('Show a code')");
      await w.page.waitForSelector("text=a-code-for-the-shell");
      must((await text_of(w.page, "#command-line >> xpath=ancestor::section")).includes(`reeve login ${w.mock.url}`), "no command");
      await w.page.goto(`${w.mock.url}/account#linked=this%20identity%20is%20linked%20to%20another%20account`);
      await w.page.reload();
      await w.page.waitForSelector("#identities >> xpath=ancestor::section >> text=linked to another account");
      must(!w.page.url().includes("linked"), "the word stays in the address");
    },
  },
  {
    name: "administration: settings in effect with where each comes from, secrets left out, defaults on demand",
    run: async (w) => {
      await sign_in(w, "/admin?tab=system");
      await w.page.waitForSelector("td:has-text('/etc/reeve/reeve.yaml:3')");
      must((await w.page.locator("td:has-text('secret')").count()) === 1, "the secret one is not told");
      must((await w.page.locator("code:text-is('lease')").count()) === 0, "a default is shown");
      await w.page.check("label:has-text('as by default') input");
      await w.page.waitForSelector("code:text-is('lease')");
    },
  },
  {
    name: "account: a token with scopes is shown once, and revoked after a question",
    run: async (w) => {
      await sign_in(w, "/account?tab=tokens");
      await w.page.click(".fold summary");
      await w.page.fill("label:has-text('What is it for') input", "night run");
      await w.page.click("label:has-text('Only this') input");
      await w.page.check("label:has-text('jobs:write') input");
      await w.page.selectOption("label:has-text('Only in the project') select", "phage");
      await w.page.click("button.primary");
      await w.page.waitForSelector(".notice.good:has-text('reeve_nnn')");
      const made = JSON.parse(w.mock.scene.people.acts[0].slice(6));
      must(made.scopes.join() === "jobs:read,jobs:write" && made.project === "phage" && Date.parse(made.expires_at) > Date.now(), JSON.stringify(made));
      await w.page.reload();
      await w.page.waitForSelector(".rows tbody tr:has-text('night run')");
      must(!(await text_of(w.page, "main")).includes("reeve_nnnnnnnn"), "it is shown twice");
      await w.page.click("tr:has-text('night run') button");
      await w.page.click("dialog .danger");
      await w.page.waitForSelector("tr:has-text('night run') .badge:has-text('revoked')");
    },
  },
  {
    name: "account: other sessions are ended, one or all of them",
    run: async (w) => {
      await sign_in(w, "/account?tab=sessions");
      await w.page.click(".rows tbody tr:has-text('192.0.2.9') button");
      await wait_until("it has gone", async () => (await w.page.locator(".rows tbody tr").count()) === 1);
      must((await text_of(w.page, ".rows tbody")).includes("this one"), "one's own is not marked");
    },
  },
  {
    name: "account: keys are rebound, colours chosen, and both outlast the page",
    run: async (w) => {
      await sign_in(w, "/account?tab=preferences");
      await w.page.selectOption("label:has-text('Colours') select", "contrast");
      must((await w.page.getAttribute("html", "data-theme")) === "contrast", "the theme did not change");
      const key = w.page.locator(".key-rows label:has-text('go to Jobs') input");
      await key.fill("g s");
      await key.blur();
      await w.page.waitForSelector("text=is taken by another");
      await key.fill("y");
      await key.blur();
      await w.page.reload();
      await w.page.waitForSelector(".key-rows label");
      await w.page.click("h1");
      await w.page.keyboard.press("y");
      await w.page.waitForSelector(".jobs tbody tr");
      must((await w.page.getAttribute("html", "data-theme")) === "contrast", "the theme did not last");
      return axe_check(w.page);
    },
  },
  {
    name: "account: what one hears of is added, tested, paused and deleted; a webhook's secret is shown once",
    run: async (w) => {
      await sign_in(w, "/account?tab=notices");
      await w.page.click(".fold summary");
      await w.page.fill(".fold label:has-text('Name') input", "chat");
      await w.page.selectOption(".fold label:has-text('How') select", "webhook");
      await w.page.fill("label:has-text('Address') input", "https://chat.example.org/hook");
      await w.page.click(".fold button.primary");
      await w.page.waitForSelector(".notice.good:has-text('whsec_')");
      await w.page.click("tr:has-text('chat') button:has-text('Send a test')");
      await w.page.click("tr:has-text('chat') button:has-text('Pause')");
      await w.page.waitForSelector("tr:has-text('chat') .badge:has-text('paused')");
      await w.page.click("tr:has-text('chat') button:has-text('Delete')");
      await w.page.click("dialog .danger");
      await wait_until("it is gone", async () => (await w.page.locator(".rows tbody tr").count()) === 1);
    },
  },
  {
    name: "administration: a user is added, gets a link, another role, and is disabled after a question",
    run: async (w) => {
      await sign_in(w, "/admin");
      await w.page.click(".fold summary");
      await w.page.fill("label:has-text('Login name') input", "nina");
      await w.page.fill("label:has-text('Projects, separated') input", "phage, default");
      await w.page.click(".fold button.primary");
      await w.page.waitForSelector("tr:has-text('nina')");
      await w.page.click("tr:has-text('nina') button:has-text('Link to set')");
      await w.page.waitForSelector(".notice.good:has-text('#reset=')");
      await w.page.selectOption("tr:has-text('nina') select", "viewer");
      await wait_until("the role is sent", async () => w.mock.scene.people.acts.includes('change nina {"role":"viewer"}'));
      await w.page.click("tr:has-text('nina') button:has-text('Disable')");
      await w.page.click("dialog .danger");
      await w.page.waitForSelector("tr:has-text('nina') .badge:has-text('disabled')");
      await w.page.click("tr:has-text('nina') button:has-text('Enable')");
      await wait_until("enabled again", async () => (await w.page.locator("tr:has-text('nina') .badge").count()) === 0);
    },
  },
  {
    name: "administration: a project's limits, members and invitations",
    run: async (w) => {
      await sign_in(w, "/admin?tab=projects");
      await w.page.click(".rows a:has-text('phage')");
      await w.page.fill("label:has-text('CPUs at a time') input", "");
      await w.page.click("#rules >> xpath=ancestor::section >> css=button.primary");
      await wait_until("the limit is taken away", async () => w.mock.scene.people.acts.some((a) => a.startsWith("project") && a.includes('"max_cpus":null')));
      await w.page.selectOption("tr:has-text('bob') select", "viewer");
      await wait_until("the role is sent", async () => w.mock.scene.people.acts.some((a) => a.includes('"user":"bob","role":"viewer","max_live":100')));
      await w.page.click("tr:has-text('bob') button:has-text('Take out')");
      await w.page.click("dialog .danger");
      await wait_until("bob is out", async () => w.mock.scene.people.acts.includes("takes bob out"));
      await w.page.click("summary:has-text('Invite somebody')");
      await w.page.click("button:has-text('Make a link')");
      await w.page.waitForSelector(".notice.good:has-text('#invite=')");
    },
  },
  {
    name: "administration: the audit is filtered and its chain checked to the end; a broken row is named",
    run: async (w) => {
      await sign_in(w, "/admin?tab=audit");
      await w.page.click("button:has-text('Check the chain')");
      await w.page.waitForSelector("text=The chain holds: 160 rows.");
      w.mock.scene.people.broken = 117;
      await w.page.click("button:has-text('Check the chain')");
      await w.page.waitForSelector("text=Row 117 does not follow");
      await w.page.fill("label:has-text('By') input", "bob");
      await w.page.click("button:has-text('Go')");
      await wait_until("only bob's", async () => !(await text_of(w.page, ".rows tbody")).includes("drain"));
      must(w.page.url().includes("actor=bob"), "the filter is not in the address");
    },
  },
  {
    name: "who only keeps a project sees its administration and no more; who keeps none does not find it",
    run: async (w) => {
      w.mock.scene.people.me.role = "submitter";
      await sign_in(w, "/admin");
      await w.page.waitForSelector(".rows a:has-text('phage')");
      must((await text_of(w.page, ".tabbar")).replace(/\s+/g, " ").trim() === "Projects Audit", await text_of(w.page, ".tabbar"));
      w.mock.scene.people.me.memberships = [];
      await w.page.reload();
      await w.page.waitForSelector("header.top");
      await w.page.click(".user-menu summary");
      must((await w.page.locator(".user-menu a:has-text('Administration')").count()) === 0, "it is offered all the same");
    },
  },
  {
    name: "the bell tells how many notices are new, leads to what they are about, and is read once opened",
    run: async (w) => {
      await sign_in(w, "/jobs/1040?tab=events");
      await w.page.waitForSelector(".bell-count");
      must((await text_of(w.page, ".bell-count")) === "1", "not the number of unread ones");
      await w.page.click(".bell summary");
      await wait_until("they are read", async () => w.mock.scene.people.acts.includes('read {"up_to":17}'));
      await w.page.click(".bell li a");
      await wait_until("the jobs of the notice", async () => w.page.url().includes("/jobs?ids=1038"));
    },
  },
];
