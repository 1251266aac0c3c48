// SPDX-License-Identifier: Apache-2.0
// cases_world.mjs - cases about data, transfers, links, the queue, workers and the grid's history.
import { readFileSync } from "node:fs";
import { axe_check, must, wait_until } from "./browser.mjs";

const text_of = (page, selector) => page.locator(selector).first().innerText();
const section = (id) => `#${id} >> xpath=ancestor::section`;

// Looked at in both themes and widths: name, how to open it.
export const world_views = (sign_in) => [
  ["data", async (w) => (await sign_in(w, "/data"), await w.page.waitForSelector(".datasets tbody tr"))],
  ["dataset", async (w) => (await sign_in(w, "/data/lambda"), await w.page.waitForSelector(".spots tbody tr:nth-child(5)"), await w.page.waitForSelector(".lineage svg"), await w.page.waitForSelector(".file-rows tbody tr"))],
  ["dataset-arriving", async (w) => (await sign_in(w, "/data/arriving"), await w.page.waitForSelector(".drop"))],
  ["transfers", async (w) => (await sign_in(w, "/transfers"), await w.page.waitForSelector(".transfers tbody tr"), await w.page.waitForSelector(".link-lines li"))],
  ["links", async (w) => (await sign_in(w, "/links"), await w.page.waitForSelector(".matrix tbody tr"), await w.page.waitForSelector(".map .dot"))],
  ["queue", async (w) => (await sign_in(w, "/queue"), await w.page.waitForSelector(".queue tbody tr"))],
  ["workers", async (w) => (await sign_in(w, "/workers"), await w.page.waitForSelector(".cards tbody tr"))],
  ["worker", async (w) => (await sign_in(w, "/workers/1"), await w.page.waitForSelector(".facts"), await w.page.waitForSelector(".events li"))],
  ["insights", async (w) => (await sign_in(w, "/insights"), await w.page.waitForSelector(".plots .matrix"), await wait_until("all plots", async () => (await w.page.locator(".plot > svg").count()) === 6))],
  ["wall", async (w) => (await sign_in(w, "/wall"), await w.page.waitForSelector(".wall-jobs li"))],
  ["api-docs", async (w) => (await sign_in(w, "/api/docs"), await w.page.click(".route summary >> nth=1"), await w.page.waitForSelector(".try"))],
  ["help", async (w) => (await sign_in(w, "/help"), await w.page.waitForSelector(".catalogue"))],
  ["data-new", async (w) => (await sign_in(w, "/data:new"), await w.page.waitForSelector(".drop"))],
];

// Pages that show names of others: address, what must be there.
export const hostile_pages = [["/data", ".datasets tbody tr"], ["/data/lambda", ".file-rows tbody tr"], ["/transfers", ".transfers tbody tr"], ["/links", ".map-list li"], ["/wall", ".wall-jobs li"]];

export const world_cases = (sign_in) => [
  {
    name: "data: the filter stands in the address, and Back takes it off",
    run: async (w) => {
      await sign_in(w, "/data");
      await w.page.waitForSelector(".datasets tbody tr:nth-child(50)");
      await w.page.click(".pager a:has-text('Older')");
      await wait_until("the second page", async () => (await w.page.locator(".datasets tbody tr").count()) === 23);
      await w.page.selectOption(".sieve select >> nth=0", "delta");
      await wait_until("those at delta", async () => (await w.page.locator(".datasets tbody tr").count()) === 1);
      must((await text_of(w.page, ".sieve")).includes("delta (1)"), "no counts");
      await w.page.goto(`${w.mock.url}/data?name=sample-00`);
      await wait_until("nine", async () => (await w.page.locator(".datasets tbody tr").count()) === 9);
      must(w.mock.requests.some((r) => r.includes("name=sample-00*")), "names are not found by how they begin");
      await w.page.fill(".sieve input >> nth=0", "nothing");
      await w.page.keyboard.press("Enter");
      await w.page.waitForSelector("text=No dataset matches");
      await w.page.click("text=Show all");
      await w.page.waitForSelector(".datasets tbody tr:nth-child(50)");
      const [file] = await Promise.all([w.page.waitForEvent("download"), (await w.page.click("summary:has-text('Export')"), w.page.click("text=Save as CSV"))]);
      must((await file.path()) !== null, "no file");
    },
  },
  {
    name: "a dataset: where it is, how soon elsewhere; copied, pinned, evicted, each with its consequence",
    run: async (w) => {
      await sign_in(w, "/data/lambda");
      await w.page.waitForSelector(".spots tbody tr:nth-child(5)");
      const spots = await text_of(w.page, ".spots");
      must(spots.includes("5 min 10 s") && spots.includes("not allowed by its policy") && spots.includes("suspect") && spots.includes("pinned by ann"), spots);
      await w.page.click(".spots tr:has-text('epsilon') button:has-text('Copy here')");
      must((await text_of(w.page, "dialog")).includes("48.0 GiB are moved from alpha, which takes about 14 min"), await text_of(w.page, "dialog"));
      await w.page.click("dialog summary");
      must((await text_of(w.page, "dialog")).includes("reeve data copy lambda epsilon"), "no command");
      await w.page.click("dialog .primary");
      await w.page.waitForSelector("text=The copy is under way");
      await w.page.click(".spots tr:has-text('gamma') button:has-text('Pin')");
      await w.page.click("dialog .primary");
      await w.page.waitForSelector(".spots tr:has-text('gamma') button:has-text('Unpin')");
      await w.page.click(".spots tr:has-text('delta') button:has-text('Evict')");
      must((await text_of(w.page, "dialog")).includes("20.0 GiB are deleted there"), await text_of(w.page, "dialog"));
      await w.page.click("dialog .danger");
      await w.page.waitForSelector("text=Evicted");
      must(w.mock.scene.acts.join() === 'copy lambda {"site":"epsilon"},pin lambda {"site":"gamma","pinned":true},evict lambda {"site":"delta"}', w.mock.scene.acts.join());
    },
  },
  {
    name: "a dataset: its policy and its end are changed, and it is forgotten",
    run: async (w) => {
      await sign_in(w, "/data/lambda");
      await w.page.click("text=Change where it may be");
      await w.page.fill("dialog input >> nth=0", "alpha, gamma");
      await w.page.fill("dialog input >> nth=1", "");
      await w.page.click("dialog .primary");
      await wait_until("the policy", async () => (await text_of(w.page, section("facts"))).includes("only at alpha, gamma"));
      await w.page.click("text=Change when it expires");
      await w.page.fill("dialog input", "");
      await w.page.click("dialog .primary");
      await wait_until("never", async () => (await text_of(w.page, section("facts"))).includes("never"));
      await w.page.click(".actions button:has-text('Forget it')");
      await w.page.click("dialog .danger");
      await w.page.waitForSelector(".datasets tbody tr");
      must(w.mock.scene.acts.join() === 'change lambda {"policy":{"sites":["alpha","gamma"]}},change lambda {"expires_at":null},forget lambda', w.mock.scene.acts.join());
    },
  },
  {
    name: "a dataset: lineage is drawn and told, and a box leads to its job; the engine says where to run",
    run: async (w) => {
      await sign_in(w, "/data/lambda");
      await w.page.waitForSelector(".lineage-box.own");
      must((await w.page.locator(".lineage-box").count()) === 6, "boxes are missing");
      await w.page.click("text=As a list");
      must((await text_of(w.page, ".lineage-list")).includes("comes from job 1030"), await text_of(w.page, ".lineage-list"));
      await w.page.click("button:has-text('Ask the engine')");
      await wait_until("the forecast", async () => (await text_of(w.page, section("best"))).includes("could start now at alpha"));
      await w.page.focus(".lineage-box.job >> nth=0");
      await w.page.keyboard.press("Enter");
      await wait_until("the job", async () => w.page.url().endsWith("/jobs/1030"));
    },
  },
  {
    name: "files are sent piece by piece; what breaks goes on where it stopped, also after a reload",
    page: { allow: /status of 507/ },
    run: async (w) => {
      w.mock.scene.world.cut = 1;
      await sign_in(w, "/data:new");
      await w.page.fill("label:has-text('Name of the dataset') input", "fresh");
      const files = [{ name: "a.txt", mimeType: "text/plain", buffer: Buffer.from("0123456789") }, { name: "b.txt", mimeType: "text/plain", buffer: Buffer.from("x".repeat(9 * 1024 * 1024)) }];
      await w.page.setInputFiles("input[type=file] >> nth=0", files);
      await w.page.waitForSelector("text=2 files, 9.0 MiB");
      must((await text_of(w.page, ".new-data > .command code")).includes("reeve data put fresh a.txt b.txt"), await text_of(w.page, ".new-data > .command code"));
      await w.page.click("button:has-text('Send the files')");
      await w.page.waitForSelector("text=the spool for uploads is full");
      w.mock.scene.world.cut = 0;
      await w.page.reload();
      await w.page.waitForSelector("text=choose the same files again");
      await w.page.setInputFiles("input[type=file] >> nth=0", files);
      await w.page.click("button:has-text('Go on')");
      await wait_until("it is sealed", async () => w.mock.scene.acts.includes("seal fresh"));
      await w.page.waitForSelector(".job-head :text('sealed')");
      const sent = w.mock.scene.world.uploads;
      must(sent.filter((u) => u === "a.txt@0+10").length === 1, `a whole file was sent twice: ${sent}`);
      must(sent.includes(`b.txt@${8 * 1024 * 1024}+${1024 * 1024}`), `the second piece is missing: ${sent}`);
    },
  },
  {
    name: "what lies at a site is registered, what lies on the web is fetched",
    run: async (w) => {
      await sign_in(w, "/data:new?way=site");
      await w.page.fill("label:has-text('Name of the dataset') input", "genomes");
      await w.page.fill("label:has-text('Site') input", "alpha");
      await w.page.fill("label:has-text('Path there') input", "/data/genomes");
      await w.page.click("button:has-text('Register them')");
      await w.page.waitForSelector("text=The dataset is registered");
      await w.page.click(".tabs button:has-text('On the web')");
      await w.page.fill("label:has-text('Addresses') textarea", "https://data.example.org/a\nhttps://data.example.org/b");
      await w.page.waitForSelector("code:text-is('https://data.example.org/')");
      must((await text_of(w.page, ".new-data > .command code")).includes("reeve data fetch -s alpha genomes https://data.example.org/a"), await text_of(w.page, ".new-data > .command code"));
      await w.page.click("button:has-text('Fetch them')");
      await wait_until("its page", async () => w.page.url().endsWith("/data/genomes"));
      must(w.mock.scene.acts.length === 2 && w.mock.scene.acts[1].includes('"fetch":{"site":"alpha","files":[{"url":"https://data.example.org/a"},{"url":"https://data.example.org/b"}]}'), w.mock.scene.acts.join());
    },
  },
  {
    name: "transfers: how far and how long still, failures by cause, one is stopped, a link gets a limit",
    run: async (w) => {
      await sign_in(w, "/transfers");
      await w.page.waitForSelector(".transfers tbody tr");
      const rows = await text_of(w.page, ".transfers");
      must(rows.includes("4.0 GiB of 9.0 GiB") && rows.includes("about 24 s left") && rows.includes("210 MiB/s"), rows);
      await w.page.click(".causes summary");
      must((await text_of(w.page, ".causes")).includes("2\u00a0") || (await text_of(w.page, ".causes li")).startsWith("2"), await text_of(w.page, ".causes"));
      await w.page.click(".transfers tr:has-text('transfer 17') button");
      await w.page.click("dialog .danger");
      await w.page.waitForSelector(".transfers tr:has-text('transfer 17'):has-text('cancelled')");
      await w.page.click(".link-lines li:has-text('alpha → delta') button");
      await w.page.fill("dialog input >> nth=0", "fast");
      must(await w.page.isDisabled("dialog .primary"), "a rate that is none is taken");
      await w.page.fill("dialog input >> nth=0", "1.5G");
      await w.page.fill("dialog input >> nth=1", "");
      await w.page.click("dialog .primary");
      await w.page.waitForSelector(".link-lines li:has-text('at most 1.5 GiB/s')");
      must(w.mock.scene.acts.join() === 'stop 17,link alpha delta {"budget":1610612736,"max_active":null,"direct":false}', w.mock.scene.acts.join());
      await w.page.selectOption(".sieve select", "failed");
      await wait_until("two rows", async () => (await w.page.locator(".transfers tbody tr").count()) === 2);
    },
  },
  {
    name: "links: the matrix opens limits, the map leads to sites and is told as a list, a place is set",
    run: async (w) => {
      await sign_in(w, "/links");
      await w.page.waitForSelector(".map .dot");
      must((await w.page.locator(".map .dot").count()) === 3 && (await w.page.locator(".map-list li").count()) === 4, "dots or lines are missing");
      await w.page.click(".matrix button[title='beta → alpha']");
      await w.page.fill("dialog input >> nth=0", "5M");
      await w.page.click("dialog .primary");
      await w.page.waitForSelector(".matrix td:has-text('≤ 5.0 MiB/s')");
      await w.page.click(".map-list li:has-text('delta') button:has-text('Set place')");
      await w.page.fill("dialog input >> nth=0", "Tokyo");
      await w.page.fill("dialog input >> nth=1", "35.68");
      await w.page.fill("dialog input >> nth=2", "139.69");
      await w.page.click("dialog .primary");
      await w.page.waitForSelector(".map .dot:has-text('delta')");
      must(w.mock.scene.acts.at(-1) === 'rules delta {"place":{"latitude":35.68,"longitude":139.69,"name":"Tokyo"}}', w.mock.scene.acts.at(-1));
      await w.page.click(".map-list li:has-text('delta') button:has-text('Its links')");
      await wait_until("two links", async () => (await w.page.locator(".links-table tbody tr").count()) === 2);
      await w.page.focus(".map .dot >> nth=0");
      await w.page.keyboard.press("Enter");
      await w.page.waitForSelector(".site-head");
    },
  },
  {
    name: "the queue: my place, why, and the parts of projects beside their use",
    run: async (w) => {
      await sign_in(w, "/queue");
      await w.page.waitForSelector(".queue tbody tr");
      must((await text_of(w.page, "p.lead")).includes("stands at place 7"), await text_of(w.page, "p.lead"));
      must((await text_of(w.page, section("shares"))).includes("87 % of 50 %") && (await text_of(w.page, section("shares"))).includes("another project"), await text_of(w.page, section("shares")));
      await w.page.click(".queue tbody a >> nth=0");
      await wait_until("why it waits", async () => /\/jobs\/\d+\?tab=why/.test(w.page.url()));
    },
  },
  {
    name: "a worker says what draining it would leave, and is drained",
    run: async (w) => {
      await sign_in(w, "/workers");
      await w.page.selectOption("header select", "alpha");
      await wait_until("one row", async () => (await w.page.locator(".cards tbody tr").count()) === 1);
      await w.page.click(".cards tbody a >> nth=0");
      await w.page.click(".actions button:has-text('Drain')");
      await wait_until("the effect", async () => (await text_of(w.page, "dialog")).includes("12 tasks run there now. It is the last one of alpha"));
      await w.page.click("dialog .primary");
      await w.page.waitForSelector(".actions button:has-text('Resume')");
    },
  },
  {
    name: "insights: the range stands in the address, arrow keys read values, a table says the same",
    run: async (w) => {
      await sign_in(w, "/insights");
      await w.page.waitForSelector(".plot > svg");
      await w.page.click(".insights-head button:has-text('1 hour')");
      await wait_until("the range is asked for", async () => w.mock.requests.some((r) => r.includes("/v1/insights/waits?range=1h")));
      must(w.page.url().includes("range=1h"), w.page.url());
      const plot = section("plot-waits");
      await wait_until("it is drawn", async () => (await w.page.locator(`${plot} >> css=.plot .line`).count()) === 2);
      const before = await text_of(w.page, `${plot} >> css=.plot-legend`);
      await w.page.focus(`${plot} >> css=.plot > svg`);
      await w.page.keyboard.press("Home");
      await wait_until("another time is read", async () => (await text_of(w.page, `${plot} >> css=.plot-legend`)) !== before);
      await w.page.click(`${plot} >> css=summary:has-text('As a table')`);
      must((await w.page.locator(`${plot} >> css=.plot-table tbody tr`).count()) === 12, "rows are missing");
      const matrix = await text_of(w.page, section("plot-failures"));
      must(matrix.includes("memory limit") && matrix.includes("gamma"), matrix);
    },
  },
  {
    name: "the API: a route is found, tried under the own session, and its command can be copied",
    page: { allow: /status of 404/ },
    run: async (w) => {
      await sign_in(w, "/api/docs?find=one%20job");
      await w.page.waitForSelector(".try");
      must(await w.page.isDisabled(".try button.primary"), "it would be sent without what is needed");
      await w.page.fill(".try input", "1040");
      must((await text_of(w.page, ".try .command code")).includes("/v1/jobs/1040"), "the command is another");
      await w.page.click(".try button.primary");
      await w.page.waitForSelector(".try pre:has-text('\"align\"')");
      await w.page.fill(".try input", "999999");
      await w.page.click(".try button.primary");
      await w.page.waitForSelector(".try [role=alert]");
      await w.page.fill(".api-find input", "cancel");
      await wait_until("another route", async () => (await text_of(w.page, ".route summary")).includes("jobs:cancel"));
      await w.page.fill(".try textarea", "{");
      must(await w.page.isDisabled(".try button:not(.copy)"), "a body that is no JSON would be sent");
    },
  },
  {
    name: "errors: what a problem points at can be read without signing in, and is marked",
    run: async (w) => {
      await w.page.goto(`${w.mock.url}/docs/errors#conflict`);
      await w.page.waitForSelector("#conflict.here");
      await w.page.goto(`${w.mock.url}/docs/errors#507`);
      await w.page.waitForSelector("#limit.here");
      // Every code that the server may answer is explained.
      const codes = [...readFileSync(new URL("../../web/problem.c", import.meta.url), "utf8").matchAll(/\{ERR_\w+, \d+, "(\w+)"/g)].map((m) => m[1]);
      must(codes.length > 5, "no codes were found in web/problem.c");
      for (const code of new Set(codes)) must((await w.page.locator(`#${code}`).count()) === 1, `${code} is not explained`);
      return axe_check(w.page);
    },
  },
  {
    name: "the wallboard covers the frame, says when it is stale, and Escape leaves it",
    page: { allow: /ERR_|Failed to fetch/ },
    run: async (w) => {
      await sign_in(w, "/wall");
      await w.page.waitForSelector(".wall-jobs li");
      w.mock.scene.silent = true;
      w.mock.drop();
      await w.page.waitForSelector(".wall header strong");
      w.mock.scene.silent = false;
      await w.page.keyboard.press("Escape");
      await w.page.waitForSelector(".jobs tbody tr");
    },
  },
];
