// SPDX-License-Identifier: Apache-2.0
// cases_writing.mjs - the page that submits: scripts and files in the editor, templates, hints.
import { axe_check, must, overflow_check, wait_until } from "./browser.mjs";

// All of a text that the editor holds, as somebody types over it.
export async function write_code(page, text) {
  await page.waitForSelector(".cm-content");
  await page.click(".cm-content");
  await page.keyboard.press("Control+a");
  await page.keyboard.insertText(text);
}

const SCRIPT = "#!/bin/bash\n#SBATCH --array=1-9\n#SBATCH --mail-type=END\n#SBATCH --mem=4G\nsrun ./x\n";

export const writing_views = (sign_in) => [
  ["submit-script", async (w) => (await sign_in(w, "/submit?mode=script"), await write_code(w.page, SCRIPT), await w.page.fill("#field-memory", "64G"), await w.page.waitForSelector(".preview .notice.bad"))],
  ["submit-templates", async (w) => (await sign_in(w, "/submit?mode=template"), await w.page.waitForSelector(".templates button"))],
  ["submit-template", async (w) => (await sign_in(w, "/submit?mode=template&template=3"), await w.page.fill("#parameter-reads", "lambda"), await w.page.waitForSelector(".preview .badge"))],
  ["submit-save", async (w) => (await sign_in(w, "/submit"), await w.page.fill("label:has-text('Command and') input", "bowtie2 -x lambda"), await w.page.waitForSelector(".past-hint"), await w.page.click("text=Save as a template"), await w.page.check(".may-differ input >> nth=1"))],
];

export const writing_cases = ({ sign_in, text_of }) => [
  {
    name: "a script's directives are read by the server while one writes: what counts, what does not, and where",
    run: async (w) => {
      await sign_in(w, "/submit?mode=script");
      await write_code(w.page, SCRIPT);
      await w.page.waitForSelector(".script-sum:has-text('2 options of this script count, 1 ignored')");
      must((await text_of(w.page, ".said-of-lines li")).includes("--mail-type is ignored"), await text_of(w.page, ".said-of-lines"));
      await w.page.waitForSelector(".preview .badge:has-text('10 tasks')");
      // What is offered comes from the same table.
      await w.page.click(".said-of-lines button:has-text('line 3')");
      await w.page.keyboard.press("End");
      await w.page.keyboard.press("Enter");
      await w.page.keyboard.type("#SBATCH --cont");
      await w.page.click(".cm-tooltip-autocomplete li:has-text('--container=')");
      await w.page.keyboard.type("x");
      await w.page.waitForSelector(".said-of-lines .error:has-text('--container is refused')");
      must(await w.page.locator(".buttons .primary").isDisabled(), "a script that is refused can be submitted");
      // No trap: Esc, then Tab.
      await w.page.keyboard.press("Escape");
      await w.page.keyboard.press("Tab");
      must(await w.page.evaluate(() => !document.querySelector(".editor-host").contains(document.activeElement)), "Tab does not leave the editor");
      await write_code(w.page, SCRIPT);
      await w.page.fill("#field-name", "mine");
      await w.page.waitForSelector(".preview:not(.old) .badge:has-text('10 tasks')");
      const asked = w.mock.scene.writing.scripts;
      must(asked < 40, `the server was asked ${asked} times`);
      const faults = [...(await axe_check(w.page)), ...(await overflow_check(w.page))];
      await wait_until("it may be submitted", async () => !(await w.page.locator(".buttons .primary").isDisabled()));
      await w.page.click(".buttons .primary");
      await wait_until("its page", async () => /\/jobs\/\d+$/.test(w.page.url()));
      const [spec] = w.mock.scene.submitted;
      must(spec.script === SCRIPT && spec.array === "1-9" && spec.resources.memory === "4G" && spec.name === "mine", JSON.stringify(spec));
      return faults;
    },
  },
  {
    name: "where the editor does not come, a plain field does the same",
    page: { allow: /ERR_FAILED|Failed to load/ },
    run: async (w) => {
      await w.page.route(/\/assets\/code-.*\.js/, (route) => route.abort());
      await sign_in(w, "/submit?mode=script");
      await w.page.waitForSelector("text=The editor could not be loaded");
      await w.page.fill(".editor textarea", SCRIPT);
      await w.page.waitForSelector(".said-of-lines b:has-text('line 3')");
      await w.page.waitForSelector(".preview .badge:has-text('10 tasks')");
    },
  },
  {
    name: "a file is YAML or JSON; its mistakes stand at their lines, the server's too",
    page: { allow: /status of 422/ },
    run: async (w) => {
      await sign_in(w, "/submit?mode=file");
      await write_code(w.page, "name: x\ncommand: [a, b\n");
      await w.page.waitForSelector(".said-of-lines .error");
      await write_code(w.page, "name: x\ncommand: [echo, 'a b']\nresources:\n  cpus: 2\n  memory: lots\n");
      await w.page.waitForSelector(".said-of-lines .error:has-text('line 5'):has-text('is not a size')");
      await write_code(w.page, "name: x\ncommand: [echo, 'a b']\nresources:\n  cpus: 2\n");
      await w.page.waitForSelector(".preview:not(.old) .badge:has-text('would be accepted')");
      await w.page.click(".buttons .primary");
      await wait_until("its page", async () => /\/jobs\/\d+$/.test(w.page.url()));
      must(JSON.stringify(w.mock.scene.submitted[0]) === '{"name":"x","command":["echo","a b"],"resources":{"cpus":2}}', JSON.stringify(w.mock.scene.submitted[0]));
    },
  },
  {
    name: "a template is picked, filled and submitted; a job becomes one; it is changed as a text, and removed",
    page: { allow: /status of (422|409)/ },
    run: async (w) => {
      await sign_in(w, "/submit?mode=template");
      await w.page.click(".templates button:has-text('align')");
      await w.page.waitForSelector("text=Fill in what is needed");
      await w.page.fill("#parameter-reads", "x");
      await w.page.fill("#parameter-cores", "65");
      await w.page.waitForSelector("#parameter-cores-hint .wrong:has-text('at most 64')");
      await w.page.fill("#parameter-cores", "8");
      await w.page.fill("#parameter-reads", "lambda");
      await w.page.selectOption("#parameter-ref", "mm10");
      await w.page.waitForSelector(".preview .badge");
      must((await text_of(w.page, ".side .command code")) === "reeve template run align --set reads=lambda --set cores=8 --set ref=mm10", await text_of(w.page, ".side .command code"));
      await w.page.click(".buttons .primary");
      await wait_until("its page", async () => /\/jobs\/\d+$/.test(w.page.url()));
      const [spec] = w.mock.scene.submitted;
      must(JSON.stringify(spec) === '{"script":"#!/bin/sh\\nbowtie2 -p 8 -x mm10 lambda\\n","inputs":["lambda"],"env":{"QUICK":"false"},"labels":{"template":"align"}}', JSON.stringify(spec));

      // A job that is there, as one.
      await sign_in(w, "/submit?from=1040&save=template");
      await w.page.waitForSelector(".may-differ");
      await w.page.fill("#template-name", "align");
      await w.page.check(".may-differ label:has-text('array') input");
      await w.page.click("dialog .primary");
      await w.page.waitForSelector("dialog .notice:has-text('there is a template')");
      await w.page.fill("#template-name", "align-two");
      await w.page.click("dialog .primary");
      await w.page.waitForSelector(".template-head h2:has-text('align-two')");
      const made = w.mock.scene.writing.templates.at(-1);
      must(made.job.array === "{{tasks}}" && made.parameters[0].default === "1-10" && made.parameters[0].kind === "text", JSON.stringify(made));

      await w.page.click("text=Change the template");
      await w.page.waitForSelector(".side", { state: "hidden" });
      await w.page.waitForSelector(".cm-content");
      const { name, job, parameters } = made;
      await write_code(w.page, JSON.stringify({ name, parameters, job: { ...job, script: "{{nope}}" } }));
      await w.page.waitForSelector(".said-of-lines .error:has-text('nope')");
      must(await w.page.locator("button.primary:has-text('Save')").isDisabled(), "a template that is wrong can be saved");
      await write_code(w.page, JSON.stringify({ name: "align-three", parameters, job }));
      await wait_until("it may be saved", async () => !(await w.page.locator("button.primary:has-text('Save')").isDisabled()));
      await w.page.click("button.primary:has-text('Save')");
      await w.page.waitForSelector(".template-head h2:has-text('align-three')");
      await w.page.click("text=Remove it");
      await w.page.click("dialog .danger");
      await w.page.waitForSelector(".templates button");
      must(w.mock.scene.writing.templates.length === 1 && (await w.page.locator(".templates button").count()) === 1, "it is still there");
    },
  },
  {
    name: "what one's own last runs used is a quiet hint beside the field, taken by a click",
    run: async (w) => {
      await sign_in(w, "/submit?mode=command");
      await w.page.fill("label:has-text('Command and') input", "/usr/bin/bowtie2 -x lambda");
      await w.page.waitForSelector(".past-hint:has-text('at most 3.1 GiB')");
      await w.page.click(".past-hint button");
      must((await w.page.inputValue("#field-memory")) === "4G", "the hint is not taken");
      must((await w.page.locator(".past-hint").count()) === 0, "it still asks");
      must((await w.page.locator("#own-names option").count()) === 2, "no names are offered");
    },
  },
];
