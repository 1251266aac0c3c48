// SPDX-License-Identifier: Apache-2.0
// run.mjs UIDIR [OUTDIR] - the dashboard against canned answers. Prints TAP.
import { readFileSync } from "node:fs";
import { axe_check, must, overflow_check, run_cases, shot, wait_until } from "./browser.mjs";
import { people_cases, people_views } from "./cases_people.mjs";
import { writing_cases, writing_views } from "./cases_writing.mjs";
import { hostile_pages, world_cases, world_views } from "./cases_world.mjs";
import { role_cases } from "./cases_roles.mjs";
import { CODE, graph_large, mock_start, TOKEN } from "./mock.mjs";
import { pure_cases } from "./pure.mjs";

const [ui_dir, out_dir] = process.argv.slice(2);

const text_of = (page, selector) => page.locator(selector).first().innerText();
const sign_in = async ({ page, mock }, path = "/") => {
  mock.code_used = false;
  await page.goto(`${mock.url}${path}#code=${CODE}`);
  await page.waitForSelector("header.top");
};
const open_home = async (w, path = "/") => {
  await sign_in(w, path);
  await w.page.waitForSelector(".jobs tbody tr");
};
const badge = (page) => text_of(page, "header.top .status");

// A server that has no stream says so, and browsers log that as an error.
const NO_STREAM = { allow: /status of 404/ };
// Both themes and both widths; ALL_LOOKS=1: each theme at each width.
const looks = ["light", "dark"]
  .flatMap((theme) => [1280, 360].map((width) => ({ theme, width, height: width < 500 ? 800 : 900 })))
  .filter((look) => process.env.ALL_LOOKS || (look.theme === "light") === (look.width === 1280));

// Every page, in both themes and both widths: no fault that axe knows, nothing sticks out.
const page_views = [
  ["sign-in", async (w) => (await w.page.goto(w.mock.url), await w.page.waitForSelector("#token"))],
  ["overview", async (w) => (await open_home(w), await w.page.waitForSelector("#system"))],
  ["home-mine", async (w) => (await open_home(w, "/?view=mine"), await w.page.waitForSelector(".quick input"), await w.page.waitForSelector("#shares"))],
  ["home-sites", async (w) => (await open_home(w, "/?view=sites"), await w.page.waitForSelector("h3:has-text('Running here')"))],
  ["jobs", async (w) => (await sign_in(w, "/jobs"), await w.page.waitForSelector(".jobs tbody tr"), await w.page.click(".jobs tbody .pick input >> nth=2"), await w.page.waitForSelector(".bulk"))],
  ["job", async (w) => (await sign_in(w, "/jobs/1040"), await w.page.waitForSelector("pre.code"), await w.page.waitForSelector(".events li"))],
  ["job-why", async (w) => (await sign_in(w, "/jobs/1040?tab=why"), await w.page.waitForSelector(".candidates"))],
  ["job-tasks", async (w) => (await sign_in(w, "/jobs/1040?tab=tasks&task=6"), await w.page.waitForSelector(".attempts li"), await w.page.waitForSelector(".heat canvas"))],
  ["job-log", async (w) => (await sign_in(w, "/jobs/1040?tab=log&task=6"), await w.page.waitForSelector("pre.log span"))],
  ["jobs-narrowed", async (w) => (await sign_in(w, "/jobs"), await w.page.click("button:has-text('Narrow down')"), await w.page.waitForSelector(".facet-hours g"), await w.page.click(".views-menu summary"), await w.page.waitForSelector(".views-menu li"))],
  ["jobs-offers", async (w) => (await sign_in(w, "/jobs"), await w.page.waitForSelector(".jobs tbody tr"), await w.page.fill("#query", "state:"), await w.page.waitForSelector(".offers li"))],
  ["job-graph", async (w) => (await sign_in(w, "/jobs/1040?tab=graph"), await w.page.waitForSelector(".graph-list tbody tr"))],
  ["job-timeline", async (w) => (await sign_in(w, "/jobs/1040?tab=timeline"), await w.page.waitForSelector(".gap-list li"), await w.page.click("summary:has-text('As a list')"))],
  ["job-metrics", async (w) => (await sign_in(w, "/jobs/1040?tab=metrics"), await w.page.waitForSelector(".histogram"))],
  ["job-files", async (w) => (await sign_in(w, "/jobs/1040?tab=outputs"), await w.page.waitForSelector(".file-rows tbody tr"))],
  ["job-diff", async (w) => (await sign_in(w, "/jobs/1038?tab=spec&with=1040"), await w.page.waitForSelector(".diff ins"))],
  ["job-that-cannot-run", async (w) => (await sign_in(w, "/jobs/1034"), await w.page.waitForSelector(".notice.bad"))],
  ["job-hostile", async (w) => (await sign_in(w, "/jobs/1038?tab=spec"), await w.page.waitForSelector("pre.code"))],
  ["cancel", async (w) => (await sign_in(w, "/jobs/1040"), await w.page.click(".actions .danger"), await w.page.waitForSelector("dialog[open]"))],
  ["sites", async (w) => (await sign_in(w, "/sites"), await w.page.waitForSelector(".sites-table tbody tr"))],
  ["site", async (w) => (await sign_in(w, "/sites/alpha"), await w.page.click("text=Test now"), await w.page.waitForSelector(".notice.good"))],
  ["site-in-trouble", async (w) => (await sign_in(w, "/sites/delta"), await w.page.waitForSelector(".site-head .notice.bad"))],
  ["new-site", async (w) => (await sign_in(w, "/sites/new"), await w.page.waitForSelector(".wizard form"))],
  ["new-site-test", async (w) => ((w.mock.scene.test_fails = true), await sign_in(w, "/sites/new?site=gamma"), await w.page.click("text=Test now"), await w.page.waitForSelector(".steps .failed"))],
  ["submit", async (w) => (await sign_in(w, "/submit"), await w.page.fill("label:has-text('Command and') input", "bowtie2 -x lambda"), await w.page.fill("#field-array", "1,5,7-100:3%20"), await w.page.waitForSelector(".preview .funnel", { state: "attached" }))],
  ...writing_views(sign_in),
  ...world_views(sign_in),
  ...people_views,
  ["no-such-page", async (w) => (await sign_in(w, "/nowhere"), await w.page.waitForSelector(".empty"))],
];

const look_cases = looks.flatMap((look) =>
  page_views.map(([name, open]) => ({
    name: `${name} is readable in ${look.theme} at ${look.width} pixels`,
    page: look,
    run: async (w) => {
      await open(w);
      await shot(w.page, out_dir, `${name}-${look.theme}-${look.width}`);
      return [...(await axe_check(w.page)), ...(await overflow_check(w.page))];
    },
  })),
);

const cases = [
  ...look_cases,
  ...role_cases({ sign_in, out_dir }),
  ...pure_cases,
  {
    name: "a graph of 2,000 jobs is drawn, searched and moved; its list says the same",
    run: async (w) => {
      w.mock.scene.graphs["1037"] = graph_large(2000);
      w.mock.scene.graphs["1037"].job = 1;
      await sign_in(w, "/jobs/1037?tab=graph");
      await w.page.waitForSelector(".graph-list tbody tr");
      must((await w.page.getAttribute(".drawing canvas", "aria-label")).includes("2,000 jobs"), "the drawing does not say what it shows");
      await w.page.uncheck("label:has-text('Put alike') input");
      await w.page.fill("[aria-label='Find a job']", "1234");
      await wait_until("it is found", async () => (await text_of(w.page, ".find [aria-live]")).includes("step-"));
      await w.page.check("label:has-text('Longest chain') input");
      must((await text_of(w.page, ".tools")).includes("The longest chain"), "no word about the chain");
      await w.page.focus(".drawing canvas");
      for (const key of ["+", "ArrowRight", "ArrowDown", "-", "0"]) await w.page.keyboard.press(key);
      await shot(w.page, out_dir, "graph-2000");
      await w.page.click("text=Show all 2,000");
      must((await w.page.locator(".graph-list tbody tr").count()) === 2000, "not all are in the list");
      await w.page.click(".graph-list tbody tr:nth-child(3) a");
      await wait_until("the job is opened", async () => w.page.url().includes("tab=graph") && !w.page.url().includes("/jobs/1037"));
    },
    page: { allow: /status of 404/ },
  },
  {
    name: "a million tasks are one strip: only what is in sight is asked, and a click opens the task",
    run: async (w) => {
      await sign_in(w, "/jobs/1037?tab=tasks");
      await w.page.waitForSelector(".heat-scroll canvas");
      const asked = () => w.mock.requests.filter((r) => r.includes("/strip"));
      await wait_until("the first stretch is asked", async () => asked().length > 0);
      must(asked().length <= 2, `asked for more than is in sight: ${asked().length}`);
      const high = await w.page.evaluate(() => document.querySelector(".heat-scroll").scrollHeight);
      must(high > 10_000, `the strip is only ${high} pixels high`);
      // Frames while it is scrolled from end to end; told, and not held against a clock that others share.
      const frames = await w.page.evaluate(async () => {
        const el = document.querySelector(".heat-scroll");
        const began = performance.now();
        let n = 0;
        while (performance.now() - began < 1000) {
          el.scrollTop = ((performance.now() - began) / 1000) * el.scrollHeight;
          await new Promise(requestAnimationFrame);
          n++;
        }
        el.scrollTop = el.scrollHeight;
        return n;
      });
      console.log(`# a strip of 1,000,000 cells was scrolled with ${frames} frames in a second`);
      await wait_until("the last stretch is asked", async () => asked().some((r) => r.includes("from=980001")));
      await wait_until("its cells can be pointed at", async () => {
        await w.page.mouse.move(300, 400);
        await w.page.hover(".heat-scroll canvas", { position: { x: 40, y: 40 } });
        return (await text_of(w.page, ".heat p")).includes("waiting");
      });
      await w.page.click(".heat-scroll canvas", { position: { x: 40, y: 40 } });
      await wait_until("the task is chosen", async () => Number(/task=(\d+)/.exec(w.page.url())?.[1]) > 900_000);
      await shot(w.page, out_dir, "heat-million");
    },
  },
  {
    name: "a log goes to its first error and links to a line",
    run: async (w) => {
      const lines = Array.from({ length: 30_000 }, (_, i) => (i === 21_000 ? "Traceback (most recent call last): \u00e9" : `step ${i} of the work is done é`));
      w.mock.scene.log = Buffer.from(lines.join("\n") + "\n");
      w.mock.scene.log_final = true;
      await sign_in(w, "/jobs/1040?tab=log&task=6");
      await w.page.waitForSelector("pre.log span");
      must(!(await text_of(w.page, "pre.log")).includes("Traceback"), "the error is at the end already");
      await w.page.click("text=To the first error");
      await wait_until("the line is there", async () => (await text_of(w.page, "pre.log")).includes("Traceback"));
      const byte = Buffer.byteLength(lines.slice(0, 21_000).join("\n")) + 1;
      must(w.page.url().includes(`at=${byte}`), `the address names another byte than ${byte}: ${w.page.url()}`);
      const marked = () => w.page.evaluate(() => [...(CSS.highlights.get("found-now") ?? [])].map(String).join("|"));
      await wait_until("it is marked", async () => (await marked()).startsWith("Traceback"));
      await shot(w.page, out_dir, "log-error");
      await w.page.reload();
      await wait_until("the link shows the same line", async () => (await marked()).startsWith("Traceback"));
      await w.page.click("text=Later");
      await wait_until("what follows is there", async () => (await text_of(w.page, "pre.log")).includes("step 22900 "));
      return axe_check(w.page);
    },
  },
  {
    name: "a span of the timeline is looked at more closely, and its bars lead to logs",
    run: async (w) => {
      await sign_in(w, "/jobs/1040?tab=timeline");
      await w.page.waitForSelector(".gap-list li");
      await wait_until("a gap is explained", async () => (await text_of(w.page, ".gap-list")).includes("on hold until somebody releases it"));
      const box = await w.page.locator(".gantt canvas").boundingBox();
      await w.page.mouse.move(box.x + 100, box.y + 20);
      await w.page.mouse.down();
      await w.page.mouse.move(box.x + 400, box.y + 30, { steps: 4 });
      await w.page.mouse.up();
      await w.page.click("text=The whole time");
      await w.page.selectOption(".panel select", "task");
      must(w.page.url().includes("rows=task"), "the address does not hold the rows");
      await w.page.click("summary:has-text('As a list')");
      await w.page.click(".panel details tbody tr:nth-child(2) a");
      await w.page.waitForSelector("pre.log span");
      must(w.page.url().includes("task=2"), "not the log of that task");
    },
  },
  {
    name: "a file that a job kept can be looked into",
    run: async (w) => {
      await sign_in(w, "/jobs/1040?tab=outputs");
      await w.page.click(".file-rows tbody tr:nth-child(1) button:has-text('Look')");
      await w.page.waitForSelector("dialog pre.code");
      must((await text_of(w.page, "dialog")).includes("SN:lambda"), "not its beginning");
      must((await text_of(w.page, "dialog")).includes("of 47.4 KiB"), "no word that it goes on");
      return axe_check(w.page);
    },
  },
  {
    name: "at 200 % zoom nothing sticks out",
    page: { width: 1280, zoom: 2 },
    run: async (w) => {
      await open_home(w);
      const first = await overflow_check(w.page);
      await w.page.click(".jobs tbody tr:nth-child(2) a");
      await w.page.waitForSelector(".life");
      return [...first, ...(await overflow_check(w.page))];
    },
  },
  {
    name: "a login link signs in, and its code leaves the address bar and the history",
    run: async (w) => {
      const seen = [];
      w.page.on("framenavigated", (f) => seen.push(f.url()));
      await open_home(w);
      must(!w.page.url().includes("code"), `the address still has the code: ${w.page.url()}`);
      const asked = w.mock.requests.filter((r) => r.includes(CODE));
      must(asked.length === 0, "the code was sent in a URL");
      must((await w.page.evaluate(() => history.length)) <= 2, "the code's entry is in the history");
    },
  },
  {
    name: "a link used twice says so and offers the form",
    run: async (w) => {
      w.mock.code_used = true;
      await w.page.goto(`${w.mock.url}/#code=${CODE}`);
      await w.page.waitForSelector("#token");
      must((await text_of(w.page, "[role=alert]")).includes("was not accepted"), "no word about the link");
    },
  },
  {
    name: "a token signs in, a wrong one is refused, sign out ends it",
    run: async (w) => {
      await w.page.goto(w.mock.url);
      await w.page.fill("#token", "reeve_wrong");
      await w.page.click("button.primary");
      await w.page.waitForSelector("[role=alert]");
      await w.page.fill("#token", TOKEN);
      await w.page.click("button.primary");
      await w.page.waitForSelector(".jobs");
      await w.page.click(".user-menu summary");
      await w.page.click("text=Sign out");
      await w.page.waitForSelector("#token");
      await w.page.reload();
      await w.page.waitForSelector("#token");
    },
  },
  {
    name: "hostile names are text: nothing runs, nothing hides, nothing reorders",
    run: async (w) => {
      for (const [path, there] of [["/", ".jobs tbody tr"], ["/jobs", ".jobs tbody tr"], ["/jobs/1038", ".life"], ["/jobs/1038?tab=spec", "pre.code"], ["/jobs/1040?tab=why", ".candidates"], ["/jobs/1040?tab=tasks&task=6", ".attempts li"], ["/sites", ".sites-table tbody tr"], ["/sites/delta", ".site-head"], ...hostile_pages]) {
        await sign_in(w, path);
        await w.page.waitForSelector(there);
        must((await w.page.locator("main img, main script, main b b").count()) === 0, `an element came out of a name on ${path}`);
        const body = await text_of(w.page, "body");
        must(body.includes("<img src=x onerror=alert(1)>"), `the name is not there as it is on ${path}`);
        must(body.includes("\u27e8U+202E\u27e9"), `the mark that reorders is not shown on ${path}`);
        must(!/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e]/.test(body), `a control character reached ${path}`);
      }
    },
  },
  {
    name: "new jobs wait behind a count, and known ones change in place",
    run: async (w) => {
      await open_home(w);
      const first = await text_of(w.page, ".jobs tbody tr");
      const fresh = { ...w.mock.scene.jobs[0], id: 2000, name: "newcomer" };
      w.mock.scene.jobs.unshift(fresh);
      Object.assign(w.mock.scene.jobs.find((j) => j.id === 1040), { state: "succeeded", wait: null });
      w.mock.wake();
      await w.page.waitForSelector(".fresh button");
      must((await text_of(w.page, "#jobs >> xpath=ancestor::section >> css=.fresh button")) === "1 new job", "the count is wrong");
      must((await text_of(w.page, ".jobs tbody tr")).slice(0, 10) === first.slice(0, 10), "the list jumped");
      await wait_until("the row changed in place", async () => (await text_of(w.page, ".jobs tbody tr:nth-child(2)")).includes("succeeded"));
      await w.page.click(".fresh button");
      must((await text_of(w.page, ".jobs tbody tr")).includes("newcomer"), "the new job did not appear");
    },
  },
  {
    name: "a silent server makes the page stale and says since when; it recovers by itself",
    page: { allow: /ERR_|Failed to fetch/ },
    run: async (w) => {
      await open_home(w);
      must((await badge(w.page)).includes("Live"), "it is not live to begin with");
      w.mock.scene.silent = true;
      w.mock.drop();
      await wait_until("the badge admits it", async () => (await badge(w.page)).includes("Stale since"));
      must((await w.page.locator("html.stale").count()) === 1, "stale values look fresh");
      await shot(w.page, out_dir, "stale");
      w.mock.scene.silent = false;
      await wait_until("it is live again", async () => (await badge(w.page)).includes("Live"));
      must((await w.page.locator("[role=alert]").count()) === 0, "the failure is still shown");
    },
  },
  {
    name: "a hidden tab asks nothing, and asks at once when it is shown again",
    page: NO_STREAM,
    run: async (w) => {
      w.mock.scene.streams = false;
      await open_home(w);
      await wait_until("a long poll hangs", () => w.mock.waiting.size > 0);
      const show = (hidden) =>
        w.page.evaluate((h) => {
          Object.defineProperty(document, "hidden", { value: h, configurable: true });
          document.dispatchEvent(new Event("visibilitychange"));
        }, hidden);
      await show(true);
      await wait_until("it says paused", async () => (await badge(w.page)).includes("Paused"));
      await wait_until("the long poll was given up", () => w.mock.waiting.size === 0);
      const asked = w.mock.requests.length;
      w.mock.scene.jobs[0].name = "renamed-meanwhile";
      w.mock.wake();
      must(w.mock.requests.length === asked, "a hidden tab asked");
      await show(false);
      await wait_until("it caught up", async () => (await text_of(w.page, ".jobs tbody tr")).includes("renamed-meanwhile"));
    },
  },
  {
    name: "without a stream a quiet grid costs one request in a long while",
    page: NO_STREAM,
    run: async (w) => {
      w.mock.scene.streams = false;
      await open_home(w);
      await wait_until("a long poll hangs", () => w.mock.waiting.size > 0);
      const polls = w.mock.requests.filter((r) => r.startsWith("GET /v1/overview"));
      must(polls.length <= 3, `the overview was asked ${polls.length} times`);
      must(polls.some((r) => r.includes("wait=30")), "no long poll");
    },
  },
  {
    name: "with the stream nothing is asked until something changed, and then at once",
    run: async (w) => {
      await open_home(w);
      await wait_until("it streams", () => w.mock.streams.size === 1);
      await wait_until("it is live", async () => (await badge(w.page)).includes("Live"));
      const polls = () => w.mock.requests.filter((r) => r.startsWith("GET /v1/overview"));
      must(!polls().some((r) => r.includes("wait=")) || w.mock.waiting.size === 0, "a long poll hangs beside the stream");
      w.mock.scene.jobs[0].name = "renamed-meanwhile";
      w.mock.wake();
      await wait_until("the change", async () => (await text_of(w.page, ".jobs tbody tr")).includes("renamed-meanwhile"));
      must([...w.mock.streams][0].topics.includes("overview"), "the topic is not asked for");
    },
  },
  {
    name: "two tabs share one stream; when the one that reads goes, the other reads",
    run: async (w) => {
      await open_home(w);
      const other = await w.context.newPage();
      await other.goto(`${w.mock.url}/jobs/1040`);
      await other.waitForSelector(".job-head");
      await wait_until("one stream with both topics", () => [...w.mock.streams].some((s) => s.topics.includes("overview") && s.topics.includes("job:1040")));
      must(w.mock.streams.size === 1, `${w.mock.streams.size} streams`);
      Object.assign(w.mock.scene.jobs.find((j) => j.id === 1040), { name: "told-by-the-other" });
      w.mock.wake();
      await wait_until("the other tab heard of it", async () => (await text_of(other, "h1")).includes("told-by-the-other"));
      await w.page.close();
      await wait_until("the other reads", () => [...w.mock.streams].some((s) => s.topics.includes("job:1040") && !s.topics.includes("overview")));
      Object.assign(w.mock.scene.jobs.find((j) => j.id === 1040), { name: "told-directly" });
      w.mock.wake();
      await wait_until("it hears by itself", async () => (await text_of(other, "h1")).includes("told-directly"));
      await other.close();
    },
  },
  {
    name: "one job: tasks, attempts with their blame, and why here",
    run: async (w) => {
      await sign_in(w, "/jobs/1040?tab=tasks");
      await w.page.waitForSelector(".tasks tbody tr");
      await w.page.click(".tasks tbody tr:nth-child(6) a");
      await wait_until("three attempts", async () => (await w.page.locator(".attempts li").count()) === 3);
      must(w.page.url().includes("task=6"), `the task is not in the address: ${w.page.url()}`);
      const attempts = await text_of(w.page, ".attempts");
      must(attempts.includes("lease ran out") && attempts.includes("(link)"), "no word about the lost attempt");
      await w.page.goBack();
      must(!w.page.url().includes("task="), "Back does not undo the choice");
      await w.page.click(".tabbar a:has-text('Why')");
      await w.page.waitForSelector(".candidates");
      const why = await text_of(w.page, ".explain");
      must(why.includes("alpha holds all of its inputs"), "the placement is not explained");
      must(why.includes("lacks lambda") && why.includes("What would help"), "the others are not explained");
      must((await w.page.locator(".candidates tbody tr").first().innerText()).includes("2.2 s"), "the terms are missing");
      must(why.includes("Who goes before it") && why.includes("31 tasks") && why.includes("Likely to start at"), "no position or no estimate");
      must(why.includes("a job of another project"), "what one may not see has a name");
    },
  },
  {
    name: "a job that can never run says so before anything else",
    run: async (w) => {
      await sign_in(w, "/jobs/1034");
      await w.page.waitForSelector(".job-head .notice.bad");
      const said = await text_of(w.page, ".job-head .notice.bad");
      must(said.includes("never run") && said.includes("Clone with memory 32.0 GiB"), `it says: ${said}`);
      await w.page.keyboard.press("e");
      await w.page.waitForSelector(".explain .notice.bad");
    },
  },
  {
    name: "a log is followed as it grows; reading above stops that, its end ends it",
    run: async (w) => {
      await sign_in(w, "/jobs/1040?tab=log&task=5");
      await w.page.waitForSelector("pre.log span");
      must((await text_of(w.page, "pre.log .f1")) === "red", "the colour is not shown");
      must((await text_of(w.page, "pre.log")).includes("^[[2Jcleared"), "another escape sequence is not shown as text");
      await w.page.check("label:has-text('As it is') input");
      must((await text_of(w.page, "pre.log")).includes("^[[31mred"), "the sequence itself is not shown");
      await w.page.uncheck("label:has-text('As it is') input");
      await w.page.keyboard.press("/");
      await w.page.keyboard.type("line 40");
      await w.page.waitForSelector(".find :text('2')");
      await w.page.keyboard.press("Enter");
      await w.page.waitForSelector("text=1 of 2");
      await w.page.fill(".find input", "");
      await w.page.check(".tools input >> nth=0");
      const add = (text) => (w.mock.scene.log = Buffer.concat([w.mock.scene.log, Buffer.from(text)]));
      add("followed-line\n");
      await wait_until("the new line", async () => (await text_of(w.page, "pre.log")).includes("followed-line"));
      const at_end = () => w.page.$eval("pre.log", (p) => p.scrollHeight - p.scrollTop - p.clientHeight < 5);
      await wait_until("it stays at the end", at_end);
      await w.page.$eval("pre.log", (p) => (p.scrollTop = 0));
      await wait_until("following stopped", async () => !(await w.page.isChecked(".tools input >> nth=0")));
      // Half a character now, the other half later: it must come out whole.
      add(Buffer.from([0xe2, 0x82]));
      await w.page.check(".tools input >> nth=0");
      w.mock.scene.log = Buffer.concat([w.mock.scene.log, Buffer.from([0xac]), Buffer.from(" last\n")]);
      w.mock.scene.log_final = true;
      await wait_until("the end", async () => (await text_of(w.page, "pre.log")).includes("\u20ac last"));
      await w.page.waitForSelector("text=complete");
      await w.page.click("button:has-text('stderr')");
      await w.page.waitForSelector("text=Nothing was written");
    },
  },
  {
    name: "a long log shows its tail, earlier parts on demand, and the hole in its middle",
    run: async (w) => {
      const lines = Array.from({ length: 20_000 }, (_, i) => `line ${i + 1}\n`).join("");
      Object.assign(w.mock.scene, { log: Buffer.from(lines), log_final: true, gap: [20_000, 100_000] });
      await sign_in(w, "/jobs/1040?tab=log&task=1");
      await w.page.waitForSelector("pre.log span");
      must((await text_of(w.page, "pre.log")).includes("line 20000"), "the end is missing");
      for (let i = 0; i < 4 && (await w.page.locator(".log-box > .more").count()) > 0; i++) {
        const before = (await text_of(w.page, "pre.log")).length;
        await w.page.click(".log-box > .more");
        await wait_until("more text", async () => (await text_of(w.page, "pre.log")).length > before);
      }
      const all = await text_of(w.page, "pre.log");
      must(all.startsWith("line 1\n") && all.includes("78.1 KiB in the middle were not kept"), "the hole or the beginning is missing");
    },
  },
  {
    name: "cancel asks first, shows its command line and curl, and then cancels",
    run: async (w) => {
      await sign_in(w, "/jobs/1040");
      await w.page.click(".actions .danger");
      await wait_until("the focus is on the harmless button", async () => (await w.page.evaluate(() => document.activeElement?.textContent)) === "Keep it as it is");
      await w.page.click("dialog summary");
      must((await text_of(w.page, "dialog")).includes("reeve cancel 1040") && (await text_of(w.page, "dialog")).includes("curl -X POST"), "no commands in the dialog");
      await w.page.keyboard.press("Escape");
      await w.page.waitForSelector("dialog", { state: "detached" });
      must(w.mock.scene.acts.length === 0, "it acted without a yes");
      await w.page.click(".actions .danger");
      await w.page.click("dialog .danger");
      await wait_until("the job is cancelled", async () => (await text_of(w.page, ".title")).includes("cancelled"));
      must(w.mock.scene.acts.join() === "cancel 1040", `acts: ${w.mock.scene.acts.join()}`);
      must((await w.page.locator(".actions .danger").count()) === 0, "a finished job can be cancelled");
    },
  },
  {
    name: "hold and release work the same way",
    run: async (w) => {
      await sign_in(w, "/jobs/1040");
      for (const verb of ["Hold", "Release"]) {
        await w.page.click(`.actions button:has-text("${verb}")`);
        await w.page.click("dialog .primary");
        await w.page.waitForSelector("dialog", { state: "detached" });
        await wait_until(`${verb} is done`, async () => (await w.page.locator(`.actions button:has-text("${verb}")`).count()) === 0);
      }
      must(w.mock.scene.acts.join() === "hold 1040,release 1040", `acts: ${w.mock.scene.acts.join()}`);
    },
  },
  {
    name: "jobs: the query is in the address, wrong words are named, Back undoes it",
    run: async (w) => {
      await sign_in(w, "/jobs");
      await w.page.waitForSelector(".jobs tbody tr");
      await w.page.keyboard.press("/");
      await w.page.keyboard.type("state:failed colour:red");
      await w.page.waitForSelector("#query-said:has-text('is none of state')");
      await w.page.keyboard.press("Enter");
      must(!w.page.url().includes("state="), "a wrong query was asked");
      await w.page.fill("#query", "state:failed");
      await w.page.keyboard.press("Enter");
      await wait_until("only the failed job", async () => (await w.page.locator(".jobs tbody tr").count()) === 1);
      must(w.page.url().endsWith("?state=failed"), w.page.url());
      must((await w.page.locator(".tabs button[aria-pressed=true]").innerText()).includes("failed"), "the state is not marked");
      await w.page.click("text=Mine");
      await wait_until("user in the address", async () => w.page.url().includes("user=ann"));
      await w.page.fill("#query", "id:1 \"");
      await w.page.waitForSelector("#query-said:has-text('not closed')");
    },
  },
  {
    name: "jobs: the query offers what a word could be, ages and parts of names are words of it",
    run: async (w) => {
      await sign_in(w, "/jobs");
      await w.page.waitForSelector(".jobs tbody tr");
      await w.page.keyboard.press("/");
      await w.page.keyboard.type("st");
      await w.page.keyboard.press("ArrowDown");
      await w.page.keyboard.press("Enter");
      await w.page.keyboard.type("f");
      must((await text_of(w.page, ".offers")).trim() === "state:failed", await text_of(w.page, ".offers"));
      must((await w.page.getAttribute("#query", "aria-expanded")) === "true", "it does not say that there are offers");
      await w.page.keyboard.press("ArrowDown");
      await w.page.keyboard.press("Tab");
      await w.page.keyboard.type('age<7d age>1h "lig" ');
      await w.page.keyboard.press("Enter");
      await wait_until("it is asked", async () => w.mock.requests.some((r) => r.includes("/v1/jobs?") && r.includes("since=7d") && r.includes("until=1h") && r.includes("name=*lig*") && r.includes("state=failed")));
      must((await w.page.inputValue("#query")) === 'state:failed "lig" age<7d age>1h', await w.page.inputValue("#query"));
      await w.page.fill("#query", "age<soon");
      await w.page.waitForSelector("#query-said:has-text('how long ago')");
      await w.page.fill("#query", "pro");
      await w.page.keyboard.press("Escape");
      must((await w.page.locator(".offers").count()) === 0, "Escape leaves the offers there");
    },
  },
  {
    name: "jobs: narrowed down by a click on what they have in common, and by the hour",
    run: async (w) => {
      await sign_in(w, "/jobs");
      await w.page.click("button:has-text('Narrow down')");
      await w.page.click(".facets button:has-text('succeeded')");
      await wait_until("the state is in the address", async () => w.page.url().includes("state=succeeded"));
      await wait_until("it is marked", async () => (await w.page.locator(".facets button.on").count()) === 1);
      await w.page.click(".facets button.on");
      await wait_until("it is taken back", async () => !w.page.url().includes("state="));
      await w.page.focus(".facet-hours g >> nth=3");
      await w.page.keyboard.press("Enter");
      await wait_until("the hour is in the address", async () => w.page.url().includes("since=") && w.page.url().includes("until="));
    },
  },
  {
    name: "jobs: a view is saved, shared, used and deleted",
    run: async (w) => {
      await sign_in(w, "/jobs?state=failed&cursor=1038");
      await w.page.click(".views-menu summary");
      await w.page.waitForSelector(".views-menu li:has-text('by bob')");
      await w.page.fill(".views-menu input", "my failures");
      await w.page.selectOption(".views-menu select", "phage");
      await w.page.click(".views-menu button:has-text('Save')");
      await w.page.waitForSelector(".views-menu a:has-text('my failures')");
      const kept = w.mock.scene.views.find((v) => v.name === "my failures");
      must(kept.query === "state=failed" && kept.project === "phage", JSON.stringify(kept));
      await w.page.click(".views-menu a:has-text('failed here')");
      await wait_until("the other view is shown", async () => w.page.url().includes("since=7d"));
      await w.page.click("[aria-label='Delete my failures']");
      await wait_until("it is gone", async () => w.mock.scene.views.length === 1);
    },
  },
  {
    name: "a job that waits is cancelled ten seconds later, and until then it can be taken back",
    run: async (w) => {
      await sign_in(w, "/jobs/1034");
      await w.page.click(".actions .danger");
      await w.page.click("dialog .danger");
      await w.page.waitForSelector(".later:has-text('Job 1034 is cancelled in')");
      await w.page.click(".later button:has-text('Undo')");
      await w.page.waitForSelector("text=Taken back");
      must(w.mock.scene.acts.length === 0, "it was cancelled all the same");
      await w.page.click(".actions .danger");
      await w.page.click("dialog .danger");
      await w.page.click(".later button:has-text('Do it now')");
      await wait_until("it is cancelled", async () => (await text_of(w.page, ".title")).includes("cancelled"));
      must(w.mock.scene.acts.join() === "cancel 1034", w.mock.scene.acts.join());
    },
  },
  {
    name: "jobs: pages by cursor, columns by choice, rows that end stay in place",
    run: async (w) => {
      await sign_in(w, "/jobs?state=active");
      await w.page.waitForSelector(".jobs tbody tr");
      const order = () => w.page.locator(".jobs tbody .id").allInnerTexts();
      const before = await order();
      Object.assign(w.mock.scene.jobs.find((j) => j.id === 1040), { state: "succeeded", finished_at: new Date().toISOString(), wait: null, progress: null });
      w.mock.wake();
      await wait_until("the row shows its end", async () => (await text_of(w.page, "#job-1040")).includes("succeeded"));
      must((await order()).join() === before.join(), "rows moved");
      await sign_in(w, "/jobs");
      await w.page.click("text=Older jobs");
      await wait_until("the second page", async () => Number((await order())[0]) <= 991);
      must(w.page.url().includes("cursor="), w.page.url());
      await w.page.click("text=Newest jobs");
      await w.page.click("summary:has-text('Columns')");
      await w.page.check("label:has-text('Labels') input");
      await w.page.waitForSelector("td:has-text('sample=lambda')");
      must(w.page.url().includes("cols="), "the columns are not in the address");
    },
  },
  {
    name: "jobs: many are cancelled at once, after the server said how many",
    run: async (w) => {
      await sign_in(w, "/jobs");
      await w.page.waitForSelector("#job-1040");
      await w.page.focus("#job-1041 a.whole");
      await w.page.keyboard.press("j");
      await w.page.keyboard.press("x");
      must(await w.page.isChecked("#job-1040 input"), "x does not select");
      await w.page.check("#job-1037 input");
      await w.page.check("#job-1039 input");
      must((await text_of(w.page, ".bulk")).includes("3 selected") && (await text_of(w.page, ".bulk")).includes("2 not over"), await text_of(w.page, ".bulk"));
      await w.page.keyboard.press("c");
      await w.page.waitForSelector("dialog:has-text('2 jobs.')");
      must(w.mock.scene.acts.length === 0, "the count has changed something");
      await w.page.click("summary:has-text('1 job stays as it is')");
      must((await text_of(w.page, ".cannot-jobs")).includes("has ended (succeeded)"), await text_of(w.page, ".cannot-jobs"));
      must((await text_of(w.page, "dialog")).includes("tasks that run now are stopped"), "what is lost is not told");
      await w.page.fill("#bulk-why", "wrong reads");
      await w.page.click("dialog .elsewhere summary");
      must((await text_of(w.page, "dialog")).includes("reeve cancel 1037,1039,1040 --why 'wrong reads'"), "no command line");
      await w.page.click("dialog .danger");
      await w.page.waitForSelector("text=Cancelled: 2");
      await wait_until("both are cancelled", async () => (await text_of(w.page, "#job-1040")).includes("cancelled") && (await text_of(w.page, "#job-1037")).includes("cancelled"));
      must(w.mock.scene.acts.length === 1, w.mock.scene.acts.join());
    },
  },
  {
    name: "jobs: all that match are held by their filter, step by step, with a reason; and released again",
    run: async (w) => {
      const first = w.mock.scene.jobs[8];
      for (let id = 2000; id < 2070; id++) w.mock.scene.jobs.unshift({ ...first, id, name: "many" });
      w.mock.scene.bulk_step = 30;
      await sign_in(w, "/jobs?state=accepted");
      await w.page.waitForSelector(".jobs tbody tr");
      await w.page.check("thead input");
      await w.page.click("text=Select all that match");
      await w.page.click(".bulk button:has-text('Hold')");
      await w.page.waitForSelector("dialog:has-text('71 jobs.')");
      must(await w.page.locator("dialog .primary").isDisabled(), "so many are held without a reason");
      await w.page.fill("#bulk-why", "the disk is full");
      const faults = [...(await axe_check(w.page)), ...(await overflow_check(w.page))];
      await w.page.click("dialog .primary");
      await w.page.waitForSelector("dialog:has-text('Held: 71')");
      const acts = w.mock.scene.acts.map((a) => JSON.parse(a.slice(5)));
      must(acts.length === 3 && acts.every((a) => a.state === "accepted" && a.why === "the disk is full"), JSON.stringify(acts));
      must(acts[0].before === undefined && acts[1].before === 2040 && acts[2].before === 2010, JSON.stringify(acts));
      delete w.mock.scene.bulk_step;
      await w.page.click("dialog button:has-text('Release them again')");
      await w.page.waitForSelector("text=71 jobs are as they were");
      must(w.mock.scene.jobs.filter((j) => j.name === "many" && j.held).length === 0, "some are still held");
      return faults;
    },
  },
  {
    name: "jobs: an export holds every match, and no cell is a formula",
    run: async (w) => {
      w.mock.scene.jobs[0].name = "=1+1,\"x\"";
      await sign_in(w, "/jobs");
      await w.page.waitForSelector(".jobs tbody tr");
      await w.page.click("summary:has-text('Export')");
      const [file] = await Promise.all([w.page.waitForEvent("download"), w.page.click("text=Save as CSV")]);
      const text = readFileSync(await file.path(), "utf8").split("\r\n");
      must(text.length === w.mock.scene.jobs.length + 2, `${text.length} lines`);
      must(text[1].includes("\"'=1+1,\"\"x\"\"\""), text[1]);
    },
  },
  {
    name: "one job: run again, priority and clone",
    run: async (w) => {
      await sign_in(w, "/jobs/1040");
      await w.page.click(".actions button:has-text('Priority')");
      await w.page.fill("dialog input", "12");
      await w.page.click("dialog .primary");
      await w.page.waitForSelector("dialog", { state: "detached" });
      await sign_in(w, "/jobs/1037");
      await w.page.click(".actions button:has-text('Run failed again')");
      await w.page.click("dialog .primary");
      await wait_until("the new job is shown", async () => w.page.url().endsWith("/jobs/1042"));
      must(w.mock.scene.acts.join() === 'priority 1040 {"priority":12},rerun 1037 {"failed":true}', w.mock.scene.acts.join());
    },
  },
  {
    name: "one job: every task is a cell, and a click on one opens it",
    run: async (w) => {
      await sign_in(w, "/jobs/1037?tab=tasks");
      await w.page.waitForSelector(".heat canvas");
      await wait_until("it is painted", () => w.page.$eval(".heat canvas", (c) => c.width > 100 && c.getContext("2d").getImageData(2, 2, 1, 1).data[3] > 0));
      await w.page.click(".heat canvas", { position: { x: 3, y: 3 } });
      await wait_until("the task opens", async () => /task=\d+/.test(w.page.url()));
      await w.page.waitForSelector("#task");
      await w.page.mouse.move(5, 5);
      await wait_until("the range", async () => (await text_of(w.page, ".heat p")).includes("1 to 1,000,000"));
    },
  },
  {
    name: "sites: drain asks why, and says what runs there",
    run: async (w) => {
      await sign_in(w, "/sites");
      await w.page.click(".sites-table a:has-text('alpha')");
      await w.page.click(".actions button:has-text('Drain')");
      must((await text_of(w.page, "dialog")).includes("12 tasks run there now"), await text_of(w.page, "dialog"));
      await w.page.fill("dialog input", "disk exchange");
      await w.page.click("dialog .primary");
      await w.page.waitForSelector(".site-head :text('draining')");
      await w.page.click("#workers >> xpath=ancestor::section >> css=button");
      await w.page.click("dialog .primary");
      await wait_until("the worker drains", async () => (await text_of(w.page, "#workers >> xpath=ancestor::section")).includes("Resume"));
      must(w.mock.scene.acts.join() === 'drain alpha {"why":"disk exchange"},drain worker 1 {}', w.mock.scene.acts.join());
    },
  },
  {
    name: "sites: rules are changed, a closed site is removed",
    run: async (w) => {
      await sign_in(w, "/sites/delta");
      await w.page.click("text=Change the rules");
      await w.page.fill("dialog label:has-text('Tasks at once') input", "8");
      await w.page.uncheck("dialog .check input");
      await w.page.fill("dialog label:has-text('Only these') input", "phage=4, default");
      await w.page.click("dialog .primary");
      await w.page.waitForSelector("text=phage=4, default");
      await w.page.click(".actions button:has-text('Remove')");
      await w.page.click("dialog .danger");
      await w.page.waitForSelector(".sites-table");
      must((await w.page.locator(".sites-table tbody tr").count()) === 3, "it is still there");
    },
  },
  {
    name: "a new site: registered, its key confirmed, tested, opened; and resumed in between",
    run: async (w) => {
      await sign_in(w, "/sites/new");
      await w.page.fill("label:has-text('Name of the site') input", "omega");
      await w.page.fill("label:has-text('Host to log in') input", "login.omega.example:2222");
      await w.page.fill("label:has-text('Account there') input", "grid");
      await w.page.click("text=Register it");
      await w.page.click(".key-line button");
      must((await text_of(w.page, "dialog")).includes("SHA256:new0A3f"), "no fingerprint");
      await w.page.click("dialog .primary");
      await w.page.waitForSelector("text=All keys are confirmed");
      await sign_in(w, "/sites/new");
      await w.page.click(".unfinished a:has-text('omega')");
      await w.page.waitForSelector("code:has-text('authorized_keys')");
      w.mock.scene.test_fails = true;
      await w.page.click("text=It is there: test it");
      await w.page.waitForSelector("strong:has-text('put the key into authorized_keys')");
      w.mock.scene.test_fails = false;
      await w.page.click("text=It is there: test it");
      await w.page.waitForSelector("text=Everything that a job needs works here");
      await w.page.fill("label:has-text('Tasks at once') input", "16");
      await w.page.click("text=Open the site");
      await w.page.waitForSelector(".site-head h1:has-text('omega')");
      must(w.mock.scene.acts[0] === "register omega" && w.mock.scene.acts.at(-1).startsWith("open omega"), w.mock.scene.acts.join());
      must(w.mock.scene.sites.at(-1).hosts[0].port === 2222, "the port is lost");
    },
  },
  {
    name: "the form says at the side what would happen, names every wrong field, and submits once",
    page: { allow: /status of 422/ },
    run: async (w) => {
      await sign_in(w, "/submit");
      const command = "label:has-text('Command and') input";
      await w.page.fill(command, "echo 'a b' \"c");
      await w.page.waitForSelector("text=A quote is not closed");
      await w.page.fill(command, "echo 'a b' \"c\"");
      await w.page.fill("#field-memory", "lots");
      await w.page.waitForSelector("code:has-text('/resources/memory')");
      must((await w.page.getAttribute("#field-memory", "aria-invalid")) === "true", "the field is not marked");
      await w.page.fill("#field-memory", "64G");
      await w.page.waitForSelector(".notice.bad:has-text('never run')");
      await w.page.click(".side button:has-text('32')");
      await wait_until("the fix is in the field", async () => (await w.page.inputValue("#field-memory")) === "32G");
      await w.page.waitForSelector("text=would be accepted");
      must(w.mock.scene.submitted.length === 0, "a check stored the job");
      must((await text_of(w.page, ".side .command code")) === "reeve submit --memory 32G -- echo 'a b' c", await text_of(w.page, ".side .command code"));
      await w.page.fill("#field-array", "1-20:2%4");
      must((await text_of(w.page, "#field-array-hint")).includes("10 tasks, 1 to 19"), await text_of(w.page, "#field-array-hint"));
      await w.page.click(".picker summary");
      await w.page.check(".picker label:has-text('lambda') input");
      must((await w.page.inputValue("#field-inputs")) === "lambda", "the dataset is not taken");
      await w.page.click(".buttons .primary");
      await w.page.waitForSelector(".title h1");
      await wait_until("its page", async () => /\/jobs\/\d+$/.test(w.page.url()));
      const [spec] = w.mock.scene.submitted;
      must(JSON.stringify(spec) === '{"command":["echo","a b","c"],"array":"1-20:2%4","resources":{"memory":"32G"},"inputs":["lambda"]}', JSON.stringify(spec));
    },
  },
  ...writing_cases({ sign_in, text_of }),
  {
    name: "a draft stays in this browser until it is submitted or dropped; a clone begins with the old job",
    run: async (w) => {
      await sign_in(w, "/submit");
      await w.page.fill("#field-name", "left behind");
      await wait_until("it is kept", () => w.page.evaluate(() => (localStorage.getItem("reeve-draft") ?? "").includes("left behind")));
      await w.page.reload();
      await w.page.waitForSelector("text=This is the draft");
      must((await w.page.inputValue("#field-name")) === "left behind", "the draft is lost");
      await w.page.click("text=Start afresh");
      must((await w.page.inputValue("#field-name")) === "", "the draft is still there");
      await sign_in(w, "/jobs/1040");
      await w.page.click(".actions a:has-text('Clone')");
      await wait_until("the command of the old job", async () => (await w.page.inputValue("label:has-text('Command and') input")).startsWith("bowtie2 -x 'lambda virus'"));
      must((await w.page.inputValue("#field-array")) === "1-10", "the tasks are missing");
    },
  },
  {
    name: "a job that is not there is explained",
    page: { allow: /status of 404/ },
    run: async (w) => {
      await sign_in(w, "/jobs/999999");
      await w.page.waitForSelector("text=There is no job 999999");
    },
  },
  {
    name: "the keyboard is enough: skip link, visible focus, a job opened by Enter",
    run: async (w) => {
      await open_home(w);
      await w.page.keyboard.press("Tab");
      must((await w.page.evaluate(() => document.activeElement?.textContent)) === "Skip to the content", "the first stop is not the skip link");
      await w.page.keyboard.press("Enter");
      must((await w.page.evaluate(() => document.activeElement?.id)) === "main", "it does not skip");
      await w.page.focus(".jobs tbody a");
      await w.page.keyboard.press("Shift+Tab");
      await w.page.keyboard.press("Tab");
      must((await w.page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle)) !== "none", "the focus cannot be seen");
      await w.page.keyboard.press("Enter");
      await w.page.waitForSelector(".job-head");
    },
  },
  {
    name: "home: what my jobs do, where they stand in the queue, and of what they failed",
    run: async (w) => {
      for (const j of w.mock.scene.jobs.slice(0, 6)) j.finished_at &&= new Date().toISOString();
      await open_home(w, "/?view=mine");
      await w.page.waitForSelector(".mine");
      const running = await text_of(w.page, "#my-running >> xpath=ancestor::section");
      must(running.includes("align") && running.includes("3–7 min left") && running.includes("phase 2"), running);
      const waiting = await text_of(w.page, "#my-waiting >> xpath=ancestor::section");
      must(waiting.includes("waits for another job") && waiting.includes("place 7"), waiting);
      const failed = await text_of(w.page, "#my-failed >> xpath=ancestor::section");
      must(failed.includes("1 job") && failed.includes("non-zero exit code (3)"), failed);
      await w.page.click("#my-failed >> xpath=ancestor::section >> css=header a");
      await wait_until("the failed ones of mine", async () => w.page.url().endsWith("/jobs?user=ann&state=failed"));
    },
  },
  {
    name: "the palette goes to pages, jobs and sites; the sheet shows the keys; keys go and pause",
    run: async (w) => {
      await open_home(w);
      await w.page.keyboard.press("Control+k");
      await w.page.waitForSelector(".palette-input");
      const faults = await axe_check(w.page);
      await w.page.keyboard.type("1037");
      await w.page.waitForSelector(".palette-list li:has-text('parameter-sweep')");
      await w.page.keyboard.press("Enter");
      await w.page.waitForSelector("h1:has-text('parameter-sweep')");
      await w.page.keyboard.press("g");
      await w.page.keyboard.press("s");
      await w.page.waitForSelector(".sites-table");
      await w.page.keyboard.press("?");
      await w.page.waitForSelector(".keys:has-text('next row'), .keys:has-text('Add a site')");
      await shot(w.page, out_dir, "keys");
      faults.push(...(await axe_check(w.page)));
      await w.page.keyboard.press("Escape");
      await w.page.waitForSelector("dialog", { state: "detached" });
      await w.page.keyboard.press(".");
      await wait_until("it says paused", async () => (await badge(w.page)).includes("Paused"));
      const asked = w.mock.requests.filter((r) => r.startsWith("GET /v1/sites")).length;
      w.mock.scene.sites[0].health = "suspect";
      w.mock.wake();
      await w.page.click(".badge-button");
      await wait_until("it caught up", async () => (await text_of(w.page, ".sites-table")).includes("suspect"));
      must(w.mock.requests.filter((r) => r.startsWith("GET /v1/sites")).length <= asked + 2, "a paused page asked");
      await w.page.keyboard.press("n");
      await w.page.waitForSelector(".submit form");
      return faults;
    },
  },
  {
    name: "an empty grid says what to do first",
    run: async (w) => {
      Object.assign(w.mock.scene, { jobs: [], sites: [], events: [], running: [] });
      await sign_in(w);
      await w.page.waitForSelector("text=Run a script");
      await w.page.waitForSelector("text=reeve site add");
      await shot(w.page, out_dir, "empty");
      return axe_check(w.page);
    },
  },
];

const failed = await run_cases([...cases, ...people_cases, ...world_cases(sign_in)], async () => {
  const mock = await mock_start(ui_dir);
  return { mock, origin: mock.url, stop: mock.stop };
});
process.exit(failed ? 1 : 0);
