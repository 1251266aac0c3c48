// SPDX-License-Identifier: Apache-2.0
// live_page.mjs URL - a browser that shows the list of jobs, for live.py.
//
// Standard input: first "#code=..." to sign in with, then words, one a line, each answered by one line of JSON:
//   watch ID...   tell of these jobs, once, when their row has been painted as "Succeeded": {"job","at"} lines come by themselves
//   memory        {"heap","renderer","updates"}: bytes of script objects after a collection, of the page's process (its share of what is
//                 shared), and how many answers came since the page was opened
//   row ID        {"text"}: what the page shows of a job, and of how fresh it is
import { createInterface } from "node:readline";
import { readFileSync } from "node:fs";
import { browser_start, page_new } from "../browser/browser.mjs";

const url = process.argv[2];
const say = (what) => process.stdout.write(`${JSON.stringify(what)}\n`);
const { browser, stop } = await browser_start();
const tab = await page_new(browser, url);
const page = tab.page;
const cdp = await page.context().newCDPSession(page);
const whole = await browser.newBrowserCDPSession();
let updates = 0;

page.setDefaultTimeout(120_000);
page.on("response", (r) => (updates += new URL(r.url()).pathname.startsWith("/v1/")));

// Of the next frame after the row says so: what a person could see.
function watch(ids) {
  const left = new Set(ids);
  const look = () => {
    for (const id of left) {
      if (!/succeeded/i.test(document.getElementById(`job-${id}`)?.innerText ?? "")) continue;
      left.delete(id);
      requestAnimationFrame(() => setTimeout(() => globalThis.painted(id, performance.timeOrigin + performance.now()), 0));
    }
    if (left.size === 0) observer.disconnect();
  };
  const observer = new MutationObserver(look);
  observer.observe(document.body, { subtree: true, childList: true, characterData: true, attributes: true });
  look();
}

async function memory() {
  for (let i = 0; i < 3; i++) await cdp.send("HeapProfiler.collectGarbage");
  const heap = (await cdp.send("Runtime.getHeapUsage")).usedSize;
  const pids = (await whole.send("SystemInfo.getProcessInfo")).processInfo.filter((p) => p.type === "renderer").map((p) => p.id);
  const share = (pid) => Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"))[1]) * 1024;
  return { heap, renderer: Math.max(...pids.map(share)), updates };
}

await page.exposeFunction("painted", (job, at) => say({ job, at }));
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const code = (await lines.next()).value;
const began = Date.now();
await page.goto(`${url}/jobs${code}`);
await page.waitForSelector("tr[id^='job-']");
say({ first_ms: Date.now() - began });
for await (const line of lines) {
  const [word, ...rest] = line.trim().split(" ");
  if (word === "watch") say((await page.evaluate(watch, rest.map(Number)), { watching: rest.length }));
  else if (word === "memory") say(await memory());
  else if (word === "row") say({ text: await page.evaluate((id) => `${document.getElementById(`job-${id}`)?.innerText} / ${document.querySelector("header.top")?.innerText}`, rest[0]) });
}
for (const fault of tab.faults) process.stderr.write(`${fault}\n`);
await stop();
