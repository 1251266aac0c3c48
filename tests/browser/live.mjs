// SPDX-License-Identifier: Apache-2.0
// live.mjs [OUTDIR] - the dashboard as the real server serves it, over a real grid of one site. Prints TAP.
// REEVE_URL and REEVE_TOKEN name a grid that runs already (it needs a site "alpha" that is up); else one is made, with a
// second machine that the wizard registers.
import { spawn } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { axe_check, must, overflow_check, run_cases, shot, wait_until } from "./browser.mjs";
import { write_code } from "./cases_writing.mjs";
import { newcomer } from "./live_newcomer.mjs";
import { live_world } from "./live_world.mjs";

const out_dir = process.argv[2];
const here = dirname(fileURLToPath(import.meta.url));

// The grid runs as an ordinary user, whoever we are: PostgreSQL and workers refuse root.
function grid_spawn(...words) {
  const child = spawn(join(here, "../support/unprivileged"), ["python3", "-B", join(here, "grid.py"), ...words], { stdio: ["pipe", "pipe", "inherit"] });
  const ended = new Promise((done) => child.on("exit", (code) => done(code ?? 1)));
  return new Promise((done) => {
    let text = "";
    const told = () => done(text.trim() ? { ...JSON.parse(text), say: (line) => child.stdin.write(`${line}\n`), stop: () => (child.stdin.end(), ended) } : null);
    child.stdout.on("data", (d) => (text += d).includes("\n") && told());
    void ended.then(told);
  });
}

async function grid_start() {
  if (process.env.REEVE_URL) return { url: process.env.REEVE_URL.replace(/\/$/, ""), token: process.env.REEVE_TOKEN, say: () => {}, stop: async () => 0 };
  const made = await grid_spawn();
  must(made, "the grid did not start");
  return made;
}

// A server that was just started, for a case of its own.
async function bare_start() {
  const bare = await grid_spawn("--bare");
  must(bare, "the bare grid did not start");
  return { origin: bare.url, bare, stop: async () => must((await bare.stop()) === 0, "the bare grid ends in good order") };
}

const grid = await grid_start();

async function api(method, path, body) {
  const reply = await fetch(grid.url + path, {
    method, headers: { Authorization: `Bearer ${grid.token}`, "Content-Type": "application/json" },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  must(reply.ok, `${method} ${path} answered ${reply.status}: ${reply.ok ? "" : await reply.text()}`);
  return reply.json();
}

const submit = async (body) => (await api("POST", "/v1/jobs", body)).id;
const text_of = (page, selector) => page.locator(selector).first().innerText();

async function sign_in({ page }, path = "/") {
  const { url } = await api("POST", "/v1/login-links", {});
  const code = url.split("#")[1];
  await page.goto(`${grid.url}${path}#${code}`);
  await page.waitForSelector("header.top");
  return code;
}

const HOSTILE = "<img src=x onerror=alert(1)>\u202e";

const cases = [
  {
    name: "a real link signs in once, and the overview shows engine and site",
    run: async (w) => {
      const code = await sign_in(w);
      await wait_until("the engine works", async () => (await text_of(w.page, ".stats")).includes("Working"));
      must((await text_of(w.page, ".site")).includes("up"), "the site is not up");
      must(!w.page.url().includes("code"), "the code is still in the address");
      await w.page.click(".user-menu summary");
      await w.page.click("text=Sign out");
      await w.page.waitForSelector("#token", { state: "attached" }); // folded behind the ways that are used more
      await w.page.goto(`${grid.url}/#${code}`);
      await w.page.waitForSelector("text=was not accepted");
    },
  },
  {
    name: "a job from the form runs; its log, attempt and placement are shown",
    run: async (w) => {
      await sign_in(w, "/submit");
      await w.page.click("text=A script");
      await write_code(w.page, `#!/bin/sh\nprintf '\\033[31mhello %s\\n' "$REEVE_TASK"\necho '${HOSTILE}'\necho kept > result.txt\n`);
      await w.page.fill("#field-name", HOSTILE);
      await w.page.fill("#field-outputs", "*.txt");
      await w.page.waitForSelector("text=would be accepted");
      await wait_until("the forecast", async () => (await text_of(w.page, ".preview")).includes("Best site at the moment: alpha"));
      await shot(w.page, out_dir, "live-submit");
      await w.page.click(".buttons .primary");
      await w.page.waitForSelector(".tabbar");
      await wait_until("it succeeded", async () => (await text_of(w.page, ".title")).includes("succeeded"), 60_000);
      await wait_until("the exit code", async () => (await text_of(w.page, ".attempts")).includes("Exit 0"), 60_000);
      await w.page.waitForSelector(".life li:has-text('running')");
      await shot(w.page, out_dir, "live-job");
      const faults = [...(await axe_check(w.page)), ...(await overflow_check(w.page))];
      await w.page.keyboard.press("l");
      await wait_until("the log", async () => (await text_of(w.page, "pre.log")).includes("hello 1"));
      must((await text_of(w.page, "pre.log .f1")).startsWith("hello 1"), "no colour");
      must((await text_of(w.page, "pre.log")).includes("\u27e8U+202E\u27e9"), "a hidden mark is not shown");
      await w.page.keyboard.press("e");
      await wait_until("the placement", async () => (await text_of(w.page, ".candidates")).includes("alpha"));
      await w.page.click(".tabbar a:has-text('Files')");
      await wait_until("the output", async () => (await text_of(w.page, ".file-rows")).includes("result.txt"));
      return faults;
    },
  },
  {
    name: "a job that fails says whose fault it was",
    run: async (w) => {
      const id = await submit({ command: ["sh", "-c", "echo broken >&2; exit 3"], name: "fails" });
      await sign_in(w, `/jobs/${id}`);
      await wait_until("it failed", async () => (await text_of(w.page, ".title")).includes("failed"), 60_000);
      await wait_until("the attempt", async () => (await text_of(w.page, ".attempts")).includes("non-zero exit code"));
      await wait_until("the last lines of its stderr", async () => (await text_of(w.page, "#last >> xpath=ancestor::section")).includes("broken"));
      await w.page.click("text=The whole log");
      await wait_until("its stderr", async () => (await text_of(w.page, "pre.log")).includes("broken"));
      await w.page.click(".actions button:has-text('Run again')");
      await w.page.click("dialog .primary");
      await wait_until("the new job", async () => w.page.url().endsWith(`/jobs/${id + 1}`));
      await wait_until("it failed too", async () => (await text_of(w.page, ".title")).includes("failed"), 60_000);
    },
  },
  {
    name: "a running job's log is followed, and cancel stops it",
    run: async (w) => {
      const id = await submit({ command: ["sh", "-c", "i=0; while :; do i=$((i+1)); echo beat $i; sleep 0.2; done"], name: "beats" });
      await sign_in(w, `/jobs/${id}?tab=log`);
      await wait_until("it beats", async () => (await w.page.locator("pre.log").count()) > 0 && /beat 3\n/.test(await text_of(w.page, "pre.log")), 60_000);
      await wait_until("it goes on", async () => /beat 12\n/.test(await text_of(w.page, "pre.log")), 60_000);
      await w.page.click(".actions .danger");
      await w.page.click("dialog .danger");
      await wait_until("it is cancelled", async () => (await text_of(w.page, ".title")).includes("cancelled"), 60_000);
      await shot(w.page, out_dir, "live-cancelled");
    },
  },
  {
    name: "hold, priority and release of a waiting job",
    run: async (w) => {
      const id = await submit({ command: ["true"], name: "held", hold: true });
      await sign_in(w, `/jobs/${id}`);
      await w.page.click(".actions button:has-text('Priority')");
      await w.page.fill("dialog input", "7");
      await w.page.click("dialog .primary");
      await wait_until("the priority", async () => (await text_of(w.page, "#facts >> xpath=ancestor::section")).includes("7"));
      await w.page.click(".actions button:has-text('Release')");
      await w.page.click("dialog .primary");
      await wait_until("it runs", async () => (await text_of(w.page, ".title")).includes("succeeded"), 60_000);
    },
  },
  {
    name: "an array: its cells, its failures by cause, one task cancelled, what failed run again",
    run: async (w) => {
      const id = await submit({ command: ["sh", "-c", "case $REEVE_TASK in 3|5) exit 4;; 9) sleep 600;; esac"], name: "mixed", array: "1-9" });
      await sign_in(w, `/jobs/${id}?tab=tasks`);
      await wait_until("two failed", async () => (await w.page.locator(".failures").count()) > 0 && (await text_of(w.page, ".failures")).includes("exit code 4"), 60_000);
      await w.page.waitForSelector(".heat canvas");
      await w.page.click(".tasks a:text-is('9')");
      await w.page.click("text=Cancel this task");
      await w.page.click("dialog .danger");
      await wait_until("it ended", async () => (await text_of(w.page, ".title")).includes("failed"), 60_000);
      await shot(w.page, out_dir, "live-array");
      const faults = [...(await axe_check(w.page)), ...(await overflow_check(w.page))];
      await w.page.click(".actions button:has-text('Run failed again')");
      await w.page.click("dialog .primary");
      await wait_until("the new job", async () => w.page.url().endsWith(`/jobs/${id + 1}`));
      await wait_until("it has two tasks", async () => (await text_of(w.page, "#facts >> xpath=ancestor::section")).includes("2 (3,5)"));
      return faults;
    },
  },
  {
    name: "many are held, released and cancelled from the list",
    run: async (w) => {
      for (let i = 0; i < 3; i++) await submit({ command: ["true"], name: "bulk", hold: true, labels: { set: "bulk" } });
      await sign_in(w, "/jobs?label=set:bulk");
      await wait_until("three rows", async () => (await w.page.locator(".jobs tbody tr").count()) === 3);
      for (const [verb, said] of [["Release", "Released: 3"], ["Cancel", null]]) {
        await w.page.check("thead input");
        if (verb === "Cancel" && (await w.page.locator(".bulk .danger:enabled").count()) === 0) break; // they were quicker
        await w.page.click(`.bulk button:has-text('${verb}')`);
        if (!said) break;
        await w.page.fill("#bulk-why", "a test");
        await w.page.click("dialog .buttons button:not([type])");
        await w.page.waitForSelector(`text=${said}`);
        await w.page.click("dialog button:has-text('Close')");
      }
      await w.page.reload();
      await wait_until("they ended", async () => (await text_of(w.page, ".jobs tbody")).split("succeeded").length === 4, 60_000);
      return [...(await axe_check(w.page)), ...(await overflow_check(w.page))];
    },
  },
  {
    name: "a site is tested, drained and opened again; its worker too",
    run: async (w) => {
      await sign_in(w, "/sites/alpha");
      await w.page.click("text=Test now");
      await w.page.waitForSelector("text=Everything that a job needs works here", { timeout: 60_000 });
      await shot(w.page, out_dir, "live-site");
      const faults = [...(await axe_check(w.page)), ...(await overflow_check(w.page))];
      for (const verb of ["Drain", "Open"]) {
        await w.page.click(`.site-head .actions button:has-text('${verb}')`);
        await w.page.fill("dialog input", "a test");
        await w.page.click("dialog .primary");
        await wait_until(`${verb} is done`, async () => (await w.page.locator(`.site-head .actions button:has-text('${verb}')`).count()) === 0);
      }
      for (const verb of ["Drain", "Resume"]) {
        await w.page.click(`#workers >> xpath=ancestor::section >> css=button:has-text('${verb}')`);
        await w.page.click("dialog .primary");
        await wait_until(`the worker: ${verb}`, async () => (await w.page.locator(`#workers >> xpath=ancestor::section >> css=button:has-text('${verb}')`).count()) === 0);
      }
      await w.page.click("text=Change the rules");
      await w.page.fill("dialog label:has-text('Tasks at once') input", "50");
      await w.page.click("dialog .primary");
      await wait_until("the rule", async () => (await text_of(w.page, "#rules >> xpath=ancestor::section")).includes("50"));
      return faults;
    },
  },
  ...(grid.host
    ? [
        {
          name: "a new site: the fingerprint compared, a test that fails without our key, then one that passes; it is open",
          run: async (w) => {
            await sign_in(w, "/sites/new");
            await w.page.fill("label:has-text('Name of the site') input", "fresh");
            await w.page.fill("label:has-text('Host to log in') input", grid.host);
            await w.page.fill("label:has-text('Account there') input", grid.user);
            await w.page.click("main summary:has-text('More')");
            await w.page.fill("label:has-text('Directory') input", grid.root);
            await w.page.click("text=Register it");
            await w.page.click(".key-line button", { timeout: 60_000 });
            must((await text_of(w.page, "dialog")).includes(grid.fingerprint), "not the fingerprint of that host");
            await w.page.click("dialog .primary");
            await w.page.waitForSelector("code:has-text('ssh-ed25519')");
            await w.page.click("text=It is there: test it");
            await w.page.waitForSelector(".steps .failed", { timeout: 60_000 });
            must((await text_of(w.page, ".steps")).includes("authorized_keys"), "no word about the key");
            await shot(w.page, out_dir, "live-new-site");
            const faults = [...(await axe_check(w.page)), ...(await overflow_check(w.page))];
            grid.say(`authorize ${(await text_of(w.page, "code:has-text('ssh-ed25519')")).trim()}`);
            await w.page.reload();
            await wait_until("it passes", async () => {
              await w.page.click("button:has-text('test it')");
              await w.page.waitForSelector(".notice.good, .notice.bad", { timeout: 60_000 });
              return (await w.page.locator(".notice.good").count()) > 0;
            }, 90_000);
            await w.page.click("text=Open the site");
            await wait_until("it is up", async () => (await text_of(w.page, ".site-head .title")).includes("up"), 60_000);
            return faults;
          },
        },
      ]
    : []),
  {
    name: "an array moves through the list without a reload",
    run: async (w) => {
      await sign_in(w);
      await w.page.waitForSelector(".jobs tbody tr");
      const id = await submit({ command: ["true"], name: "many", array: "1-40" });
      await wait_until("it is announced", async () => (await w.page.locator("#jobs >> xpath=ancestor::section >> css=.fresh button").count()) > 0);
      await w.page.click("#jobs >> xpath=ancestor::section >> css=.fresh button");
      await wait_until("it is done", async () => (await text_of(w.page, ".jobs tbody tr")).includes("40 / 40"), 60_000);
      must((await text_of(w.page, ".jobs tbody tr")).includes(String(id)), "another job is first");
      await shot(w.page, out_dir, "live-overview");
      return [...(await axe_check(w.page)), ...(await overflow_check(w.page))];
    },
  },
  ...live_world({ sign_in, submit, out_dir }),
  ...newcomer({ bare_start, out_dir }),
  {
    name: "a job that no site can ever run says so, and why",
    run: async (w) => {
      const id = await submit({ command: ["true"], name: "huge", resources: { cpus: 4000 } });
      await sign_in(w, `/jobs/${id}`);
      await wait_until("it says never", async () => (await w.page.locator(".job-head .notice.bad").count()) > 0, 60_000);
      await w.page.keyboard.press("e");
      await wait_until("the funnel", async () => (await text_of(w.page, ".funnel")).includes("alpha"));
      await shot(w.page, out_dir, "live-waiting");
      await api("POST", `/v1/jobs/${id}/cancel`, {});
      await wait_until("it is cancelled", async () => (await text_of(w.page, ".title")).includes("cancelled"), 60_000);
    },
  },
];

const failed = await run_cases(cases, async (c) => (c.world ? c.world() : { origin: grid.url })).catch((e) => (console.log(`not ok - ${e.message}`), 1));
const code = await grid.stop();
if (code) console.log("not ok - the grid ends in good order");
process.exit(failed || code ? 1 : 0);
