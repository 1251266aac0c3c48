// SPDX-License-Identifier: Apache-2.0
// live_world.mjs - data, queue, workers, map, insights and the API's own page over a real grid.
import { readFileSync } from "node:fs";
import { axe_check, must, overflow_check, shot, wait_until } from "./browser.mjs";

const text_of = (page, selector) => page.locator(selector).first().innerText();
const section = (id) => `#${id} >> xpath=ancestor::section`;

export const live_world = ({ sign_in, submit, out_dir }) => {
  const look = async (w, name) => {
    await shot(w.page, out_dir, `live-${name}`);
    return [...(await axe_check(w.page)), ...(await overflow_check(w.page))];
  };
  return [
    {
      name: "what a job made is a dataset; another job reads it, and its page says where it is and what came of it",
      run: async (w) => {
        const made = await submit({ command: ["sh", "-c", "echo hello > a.txt"], name: "makes-it", outputs: ["*.txt"], output_dataset: "from-job" });
        await sign_in(w, `/jobs/${made}`);
        await wait_until("it was made", async () => (await text_of(w.page, ".title")).includes("succeeded"), 60_000);
        const id = await submit({ command: ["true"], name: "reads-it", inputs: ["from-job"], outputs: ["*.none"] });
        await w.page.goto(w.origin + "/data/from-job");
        await wait_until("it lies at alpha", async () => (await text_of(w.page, ".spots")).includes("alpha"), 60_000);
        await wait_until("who used it", async () => (await text_of(w.page, section("used"))).includes(String(id)), 60_000);
        await wait_until("the lineage", async () => (await w.page.locator(".lineage-box").count()) >= 3, 60_000);
        await w.page.click("button:has-text('Ask the engine')");
        await wait_until("where to run", async () => (await text_of(w.page, section("best"))).includes("alpha"));
        const [file] = await Promise.all([w.page.waitForEvent("download"), w.page.click(".file-rows tr:has-text('a.txt') a.fetch")]);
        must(readFileSync(await file.path(), "utf8") === "hello\n", "the file is not what the job made");
        await w.page.click("text=Change where it may be");
        await w.page.fill("dialog input >> nth=0", "alpha");
        await w.page.click("dialog .primary");
        await wait_until("the policy", async () => (await text_of(w.page, section("facts"))).includes("only at alpha"));
        await w.page.click(".spots tr:has-text('alpha') button:has-text('Pin')");
        await w.page.click("dialog .primary");
        await w.page.waitForSelector(".spots tr:has-text('alpha') button:has-text('Unpin')");
        const faults = await look(w, "dataset");
        await w.page.goto(w.origin + "/data?name=from-");
        await wait_until("it is listed", async () => (await text_of(w.page, ".datasets tbody")).includes("from-job"));
        return [...faults, ...(await look(w, "data"))];
      },
    },
    {
      name: "files sent from the page become a dataset",
      run: async (w) => {
        await sign_in(w, "/data:new");
        await w.page.fill("label:has-text('Name of the dataset') input", "from-page");
        await w.page.setInputFiles("input[type=file] >> nth=0", [
          { name: "a.txt", mimeType: "text/plain", buffer: Buffer.from("hello\n") },
          { name: "b.bin", mimeType: "application/octet-stream", buffer: Buffer.alloc(600 * 1024, 7) },
        ]);
        await w.page.click("button:has-text('Send the files')");
        await wait_until("it is sealed", async () => (await w.page.locator(".job-head .badge:has-text('sealed')").count()) > 0, 90_000);
        await wait_until("it lies at a site", async () => (await text_of(w.page, ".spots")).includes("there"), 60_000);
      },
    },
    {
      name: "a place is set on the map; the worker's page, the queue and the transfers answer",
      run: async (w) => {
        await sign_in(w, "/links");
        await w.page.click(".map-list li:has-text('alpha') button:has-text('lace')");
        await w.page.fill("dialog input >> nth=0", "Warsaw");
        await w.page.fill("dialog input >> nth=1", "52.23");
        await w.page.fill("dialog input >> nth=2", "21.01");
        await w.page.click("dialog .primary");
        await w.page.waitForSelector(".map .dot:has-text('alpha')");
        const faults = await look(w, "links");
        const held = await submit({ command: ["true"], name: "stands-in-line", hold: true });
        await w.page.goto(w.origin + "/queue");
        await wait_until("it stands in line", async () => (await text_of(w.page, ".queue tbody")).includes("stands-in-line"));
        faults.push(...(await look(w, "queue")));
        await w.page.goto(w.origin + "/workers");
        await w.page.click(".cards tbody a >> nth=0");
        await w.page.waitForSelector(".title :text('connected')");
        faults.push(...(await look(w, "worker")));
        await w.page.goto(w.origin + "/transfers");
        await w.page.waitForSelector("#busy");
        faults.push(...(await look(w, "transfers")));
        await w.page.goto(`${w.origin}/jobs/${held}`);
        await w.page.click(".actions .danger");
        await w.page.click("dialog .danger");
        return faults;
      },
    },
    {
      name: "insights count what ran here; the API page lists every route and tries one",
      run: async (w) => {
        await submit({ command: ["sh", "-c", "exit 3"], name: "counted", array: "1-3" });
        await sign_in(w, "/insights?range=1h");
        await wait_until("starts and failures were counted", async () => {
          await w.page.reload();
          await w.page.waitForSelector("#plot-launch");
          await wait_until("all is answered", async () => !(await text_of(w.page, ".plots")).includes("Loading"));
          return (await w.page.locator(`${section("plot-waits")} >> css=.plot > svg`).count()) > 0 && (await text_of(w.page, section("plot-failures"))).includes("exit");
        }, 90_000);
        await wait_until("the use of alpha", async () => (await text_of(w.page, section("plot-use"))).includes("alpha"), 60_000);
        const faults = await look(w, "insights");
        await w.page.goto(w.origin + "/api/docs");
        await w.page.waitForSelector(".route");
        must((await w.page.locator(".route").count()) > 80, "routes are missing");
        faults.push(...(await look(w, "api-docs")));
        await w.page.click(".route summary:has(code:text-is('/v1/me'))");
        await w.page.click(".try button.primary");
        await wait_until("the answer", async () => (await text_of(w.page, ".try pre.code")).length > 0);
        await w.page.goto(w.origin + "/wall");
        await w.page.waitForSelector(".wall-sites li");
        await shot(w.page, out_dir, "live-wall");
        return faults;
      },
    },
  ];
};
