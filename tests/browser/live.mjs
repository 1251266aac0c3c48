// SPDX-License-Identifier: Apache-2.0
// live.mjs [OUTDIR] - the dashboard as the real server serves it, over a real grid of one site. Prints TAP.
// REEVE_URL and REEVE_TOKEN name a grid that runs already (it needs a site that is up); else one is made.
import { spawn } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { axe_check, must, overflow_check, run_cases, shot, wait_until } from "./browser.mjs";

const out_dir = process.argv[2];
const here = dirname(fileURLToPath(import.meta.url));

// The grid runs as an ordinary user, whoever we are: PostgreSQL and workers refuse root.
async function grid_start() {
  if (process.env.REEVE_URL) return { url: process.env.REEVE_URL.replace(/\/$/, ""), token: process.env.REEVE_TOKEN, stop: async () => 0 };
  const child = spawn(join(here, "../support/unprivileged"), ["python3", "-B", join(here, "grid.py")], { stdio: ["pipe", "pipe", "inherit"] });
  const ended = new Promise((done) => child.on("exit", (code) => done(code ?? 1)));
  const line = await new Promise((done) => {
    let text = "";
    child.stdout.on("data", (d) => (text += d).includes("\n") && done(text.trim()));
    void ended.then(() => done(""));
  });
  must(line, "the grid did not start");
  const [url, token] = line.split(" ");
  const stop = () => (child.stdin.end(), ended);
  return { url, token, stop };
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
      await w.page.waitForSelector("#token");
      await w.page.goto(`${grid.url}/#${code}`);
      await w.page.waitForSelector("text=was not accepted");
    },
  },
  {
    name: "a job from the form runs; its log, attempt and placement are shown",
    run: async (w) => {
      await sign_in(w, "/submit");
      await w.page.click("text=A script");
      await w.page.fill("textarea", `#!/bin/sh\nprintf '\\033[31mhello %s\\n' "$REEVE_TASK"\necho '${HOSTILE}'\necho kept > result.txt\n`);
      await w.page.fill("label:has-text('Name') input", HOSTILE);
      await w.page.fill("label:has-text('Outputs') input", "*.txt");
      await w.page.click("text=Check only");
      await w.page.waitForSelector("text=would be accepted");
      await w.page.click(".buttons .primary");
      await w.page.waitForSelector(".job-head");
      await wait_until("it succeeded", async () => (await text_of(w.page, ".title")).includes("succeeded"), 60_000);
      await wait_until("the log", async () => (await text_of(w.page, "pre.log")).includes("^[[31mhello 1"));
      must((await text_of(w.page, "pre.log")).includes("\u27e8U+202E\u27e9"), "a hidden mark is not shown");
      await wait_until("the placement", async () => (await text_of(w.page, ".candidates")).includes("alpha"));
      await wait_until("the output", async () => (await text_of(w.page, ".files")).includes("result.txt"));
      must((await text_of(w.page, ".attempts")).includes("Exit 0"), "no exit code");
      await shot(w.page, out_dir, "live-job");
      return [...(await axe_check(w.page)), ...(await overflow_check(w.page))];
    },
  },
  {
    name: "a job that fails says whose fault it was",
    run: async (w) => {
      const id = await submit({ command: ["sh", "-c", "echo broken >&2; exit 3"], name: "fails" });
      await sign_in(w, `/jobs/${id}`);
      await wait_until("it failed", async () => (await text_of(w.page, ".title")).includes("failed"), 60_000);
      await wait_until("the attempt", async () => (await text_of(w.page, ".attempts")).includes("non-zero exit code"));
      await w.page.click("button:has-text('stderr')");
      await wait_until("its stderr", async () => (await text_of(w.page, "pre.log")).includes("broken"));
    },
  },
  {
    name: "a running job's log is followed, and cancel stops it",
    run: async (w) => {
      const id = await submit({ command: ["sh", "-c", "i=0; while :; do i=$((i+1)); echo beat $i; sleep 0.2; done"], name: "beats" });
      await sign_in(w, `/jobs/${id}`);
      await wait_until("it beats", async () => (await w.page.locator("pre.log").count()) > 0 && /beat 3\n/.test(await text_of(w.page, "pre.log")), 60_000);
      await wait_until("it goes on", async () => /beat 12\n/.test(await text_of(w.page, "pre.log")), 60_000);
      await w.page.click(".actions .danger");
      await w.page.click("dialog .danger");
      await wait_until("it is cancelled", async () => (await text_of(w.page, ".title")).includes("cancelled"), 60_000);
      await shot(w.page, out_dir, "live-cancelled");
    },
  },
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
  {
    name: "a job that no site can ever run says so, and why",
    run: async (w) => {
      const id = await submit({ command: ["true"], name: "huge", resources: { cpus: 4000 } });
      await sign_in(w, `/jobs/${id}`);
      await wait_until("it says never", async () => (await w.page.locator(".explain .notice.bad").count()) > 0, 60_000);
      await wait_until("the funnel", async () => (await text_of(w.page, ".funnel")).includes("alpha"));
      await shot(w.page, out_dir, "live-waiting");
      await api("POST", `/v1/jobs/${id}/cancel`, {});
      await wait_until("it is cancelled", async () => (await text_of(w.page, ".title")).includes("cancelled"), 60_000);
    },
  },
];

const failed = await run_cases(cases, async () => ({ origin: grid.url })).catch((e) => (console.log(`not ok - ${e.message}`), 1));
const code = await grid.stop();
if (code) console.log("not ok - the grid ends in good order");
process.exit(failed || code ? 1 : 0);
