// SPDX-License-Identifier: Apache-2.0
// sign_on.mjs WEBD [OUTDIR] - from the sign-in page to a real OpenID provider and back, as a person clicks. Prints TAP.
// The web server stands on a database of its own below REEVE_TEST_PG.
import { spawn, execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { axe_check, must, run_cases, shot } from "./browser.mjs";

const [, , webd, out_dir] = process.argv;
const here = dirname(fileURLToPath(import.meta.url));
const directory = mkdtempSync(join(tmpdir(), "reeve-sign-on."));

// A program that says one line when it is up, and ends with its standard input.
async function start(words, env = {}) {
  const child = spawn(words[0], words.slice(1), { stdio: ["pipe", "pipe", "inherit"], env: { ...process.env, ...env } });
  const ended = new Promise((done) => child.on("exit", done));
  const line = await new Promise((done) => {
    let text = "";
    child.stdout.on("data", (d) => (text += d).includes("\n") && done(text.trim()));
    void ended.then(() => done(""));
  });
  must(line, `${words[0]} did not start`);
  return { line, stop: () => (child.stdin.end(), ended) };
}

const secret = join(directory, "secret");
writeFileSync(secret, "a secret: with %odd& marks\n", { mode: 0o600 });
const database = `sign_on_${process.pid}`;
execFileSync("psql", ["-XqAt", "-c", `create database ${database}`, process.env.REEVE_TEST_PG]);

const provider = await start([join(here, "../oidc/run")]);
const { issuer } = JSON.parse(provider.line);
const server = await start([webd, process.env.REEVE_TEST_PG.replace(/dbname=\S+/, `dbname=${database}`), "127.0.0.1:0"], {
  WEBD_OIDC_ISSUER: issuer, WEBD_OIDC_CLIENT_ID: "reeve", WEBD_OIDC_CLIENT_SECRET_FILE: secret, WEBD_OIDC_SCOPES: "openid profile",
  WEBD_OIDC_LABEL: "Sign in with the institute", WEBD_OIDC_NEW_USERS: "yes",
});
const [port, token] = server.line.split(" ");
const url = `http://127.0.0.1:${port}`;

async function tell(what) {
  const reply = await fetch(`${issuer}/_test`, { method: "POST", body: JSON.stringify(what) });
  must(reply.ok, `the provider answered ${reply.status}`);
}

async function api(method, path, body) {
  const reply = await fetch(url + path, { method, headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" }, body: JSON.stringify(body) });
  must(reply.ok, `${method} ${path} answered ${reply.status}`);
  return reply.json();
}

async function at_provider(page, name) {
  await page.waitForSelector("text=Who are you?");
  must(page.url().startsWith(issuer), page.url());
  await page.fill("input[name=login]", name);
  await page.click("text=Go on");
}

const name_of = (page) => page.evaluate(() => fetch("/v1/me").then((r) => r.json()).then((me) => me.name));

const cases = [
  {
    name: "the button leads to the provider, and back to the page that was asked for, signed in; the account shows the provider",
    page: { also: issuer, allow: /status of 409/ },
    run: async ({ page }) => {
      await page.goto(`${url}/jobs`);
      await page.click("a.button:has-text('Sign in with the institute')");
      await at_provider(page, "ann");
      await page.waitForSelector("header.top");
      must(new URL(page.url()).pathname === "/jobs" && page.url().startsWith(url), page.url());
      must((await name_of(page)) === "ann", "somebody else came back");
      await page.goto(`${url}/account`);
      await page.waitForSelector(`text=${issuer}`);
      await page.click("button:has-text('Show a code')");
      await page.waitForSelector("text=It works once");
      const faults = await axe_check(page);
      await shot(page, out_dir, "sign-on-account");
      await page.click("button:has-text('Unlink')");
      await page.click("dialog .danger");
      await page.waitForSelector("text=nothing would be left to come in by");
      return faults;
    },
  },
  {
    name: "an account with a password links who its owner is at the provider, by its own page",
    page: { also: issuer },
    run: async ({ page }) => {
      const { url: link } = await api("POST", "/v1/invitations", { role: "viewer" });
      await page.goto(link);
      await page.fill("label:has-text('Login name') input", "bob");
      for (const label of ["New password", "The same again"]) await page.fill(`label:has-text('${label}') input`, "a sentence of words");
      await page.click("button.primary");
      await page.waitForSelector("header.top");
      await page.goto(`${url}/account`);
      await page.click("button:has-text('Link who I am there')");
      await at_provider(page, "robert");
      await page.waitForSelector("text=It is linked");
      must(!page.url().includes("linked"), "the word stays in the address");
      await page.waitForSelector("td:has-text('robert')");
      must((await name_of(page)) === "bob", "somebody else came back");
    },
  },
  {
    name: "somebody invited comes in by the provider, without a password",
    page: { also: issuer },
    run: async ({ page }) => {
      const { url: link } = await api("POST", "/v1/invitations", { role: "viewer" });
      await page.goto(link);
      await page.click("button:has-text('without a password')");
      await at_provider(page, "ivy");
      await page.waitForSelector("header.top");
      must((await name_of(page)) === "ivy", "somebody else came back");
    },
  },
  {
    name: "whom the provider does not let in is told so on the sign-in page",
    page: { also: issuer },
    run: async ({ page }) => {
      await tell({ deny: true });
      await page.goto(url);
      await page.click("a.button:has-text('Sign in with the institute')");
      await page.waitForSelector("[role=alert]:has-text('did not let you in')");
      must(!page.url().includes("login="), "the sentence stays in the address");
      await tell({ deny: false });
    },
  },
];

let failed = 1;
try {
  await tell({ start: { redirects: [`${url}/v1/oidc/callback`] }, people: Object.fromEntries(["ann", "robert", "ivy"].map((n) => [n, { preferred_username: n }])) });
  failed = await run_cases(cases, async () => ({ origin: url }));
} finally {
  await server.stop();
  await provider.stop();
  rmSync(directory, { recursive: true, force: true });
}
process.exitCode = failed ? 1 : 0;
