// SPDX-License-Identifier: Apache-2.0
// browser.mjs - one chromium, and a page of it that reports everything that must not happen: errors on the console,
// violations of the page's policy, requests to anywhere but its server, dialogs of injected scripts.
import { readFileSync, mkdtempSync, rmSync, mkdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const DEADLINE = 60_000;

const flags = ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];

export async function browser_start() {
  const profile = mkdtempSync(join(tmpdir(), "reeve-browser-"));
  const as_root = process.getuid?.() === 0;
  const launch = (more) =>
    chromium.launch({
      executablePath: "/usr/bin/chromium",
      headless: true,
      args: [...flags, ...more],
      // Whatever chromium wants to keep, it keeps here.
      env: { ...process.env, HOME: profile, XDG_CONFIG_HOME: profile, XDG_CACHE_HOME: profile },
    });
  // Chromium's own sandbox works neither for root nor where user namespaces are forbidden; it shows only our own page.
  const browser = as_root ? await launch(["--no-sandbox"]) : await launch([]).catch(() => launch(["--no-sandbox"]));
  const stop = async () => {
    await browser.close();
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
  };
  return { browser, stop };
}

// A page in a context of its own. `allow` are console errors that the case provokes on purpose, `also` another origin that it goes to.
export async function page_new(browser, origin, { width = 1280, height = 900, theme = "light", allow = /^$/, zoom = 1, also = null } = {}) {
  const context = await browser.newContext({ viewport: { width: Math.round(width / zoom), height: Math.round(height / zoom) }, deviceScaleFactor: zoom, colorScheme: theme, reducedMotion: "reduce" });
  const page = await context.newPage();
  page.setDefaultTimeout(DEADLINE);
  const faults = [];
  page.on("console", (m) => {
    // Asking who is signed in is answered by 401 when nobody is; browsers log that as an error.
    const expected = /status of 401/.test(m.text()) && /\/v1\/(me|login)$/.test(m.location().url);
    if (m.type() === "error" && !expected && !allow.test(m.text())) faults.push(`console: ${m.text()} (${m.location().url})`);
  });
  page.on("pageerror", (e) => faults.push(`script: ${e.message}`));
  page.on("dialog", (d) => (faults.push(`dialog: ${d.message()}`), d.dismiss()));
  page.on("request", (r) => {
    if (!r.url().startsWith(`${origin}/`) && !r.url().startsWith("blob:") && !(also && r.url().startsWith(`${also}/`))) faults.push(`request off origin: ${r.url()}`);
  });
  await page.addInitScript(() => addEventListener("securitypolicyviolation", (e) => console.error(`policy: ${e.violatedDirective} ${e.sample}`)));
  return { page, faults, close: () => context.close() };
}

export async function axe_check(page) {
  await page.evaluate(AXE);
  const found = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  return found.violations.map((v) => `axe: ${v.id} (${v.impact}): ${v.nodes.slice(0, 3).map((n) => n.html.slice(0, 160)).join(" | ")}`);
}

// Nothing may stick out to the right of the window.
export async function overflow_check(page) {
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  if (wide <= 0) return [];
  const who = await page.evaluate(() => [...document.querySelectorAll("body *")].filter((e) => e.getBoundingClientRect().right > document.documentElement.clientWidth + 0.5 && !e.closest(".scroll, .tabs, .tabbar, pre")).slice(0, 5).map((e) => `${e.tagName.toLowerCase()}.${e.className}`));
  return [`the page is ${wide} pixels wider than its window: ${who.join(", ")}`];
}

export async function shot(page, dir, name) {
  if (!dir) return;
  mkdirSync(dir, { recursive: true });
  await page.screenshot({ path: join(dir, `${name}.png`), fullPage: true });
}

export function must(fact, text) {
  if (!fact) throw new Error(text);
}

// Ask again until it is true; the one way to wait.
export async function wait_until(text, ask, deadline_ms = DEADLINE) {
  const end = Date.now() + deadline_ms;
  for (;;) {
    if (await ask()) return;
    must(Date.now() < end, `did not come true in ${deadline_ms} ms: ${text}`);
    await new Promise((done) => setTimeout(done, 50));
  }
}

// What was wrong.
async function run_one(browser, c, origin_of) {
  const problems = [];
  const world = await origin_of(c);
  const tab = await page_new(browser, world.origin, c.page ?? {});
  try {
    problems.push(...((await c.run({ ...world, page: tab.page, context: tab.page.context() })) ?? []));
  } catch (e) {
    problems.push(String(e?.message ?? e));
  }
  problems.push(...tab.faults);
  await tab.close();
  await world.stop?.();
  return problems;
}

// Run cases one after the other as TAP. Each gets a page of its own; its faults are the case's. ONLY=REGEX runs those
// whose names it finds.
export async function run_cases(all, origin_of) {
  const cases = all.filter((c) => new RegExp(process.env.ONLY ?? "").test(c.name));
  const { browser, stop } = await browser_start();
  let failed = 0;
  console.log(`1..${cases.length}`);
  try {
    for (const [i, c] of cases.entries()) {
      let problems = await run_one(browser, c, origin_of);
      // Other tests make and remove network devices, and Chromium gives up what it loads then: that is not the page's doing.
      if (problems.some((p) => p.includes("ERR_NETWORK_CHANGED"))) problems = await run_one(browser, c, origin_of);
      if (problems.length) failed++;
      console.log(`${problems.length ? "not ok" : "ok"} ${i + 1} - ${c.name}`);
      for (const p of problems) console.log(`# ${p.replaceAll("\n", "\n# ")}`);
    }
  } finally {
    await stop();
  }
  return failed;
}
