// SPDX-License-Identifier: Apache-2.0
// live_newcomer.mjs - what docs/tutorial.md says, done by the page alone: from the setup link of a server that was just
// started to the output of the first job on an own site; and this machine as a site by one click. Tells how long it took.
import { axe_check, must, overflow_check, shot, wait_until } from "./browser.mjs";

const text_of = (page, selector) => page.locator(selector).first().innerText();
const LONG = "a sentence of words";

export function newcomer({ bare_start, out_dir }) {
  return [
    {
      name: "a newcomer: from the setup link to the output of the first job on an own site, by the page alone",
      world: bare_start,
      run: async (w) => {
        const began = Date.now();
        const faults = [];
        const step = async (name) => {
          console.log(`# newcomer: ${((Date.now() - began) / 1000).toFixed(1)} s ${name}`);
          await shot(w.page, out_dir, `newcomer-${name.replaceAll(" ", "-")}`);
          faults.push(...(await axe_check(w.page)), ...(await overflow_check(w.page)));
        };
        await w.page.goto(w.bare.setup.replace(/^https?:\/\/[^/]+/, w.origin));
        await w.page.fill("label:has-text('Login name') input", "ann");
        await w.page.fill("label:has-text('New password') input", LONG);
        await w.page.fill("label:has-text('The same again') input", LONG);
        await step("the first person");
        await w.page.click("button:has-text('Go in')");
        await w.page.waitForSelector(".check-list li");
        await step("first steps");
        await w.page.click("a:has-text('Add a site')");
        await w.page.fill("label:has-text('Name of the site') input", "cluster");
        await w.page.fill("label:has-text('Host to log in to') input", w.bare.host);
        await w.page.fill("label:has-text('Account there') input", w.bare.user);
        await w.page.click("button:has-text('Register it')");
        await w.page.click("button:has-text('Confirm')");
        must((await text_of(w.page, "dialog")).includes(w.bare.fingerprint), "not the fingerprint of that host");
        await step("is it the right machine");
        await w.page.click("button:has-text('Yes, confirm it')");
        await w.page.waitForSelector("code:has-text('ssh-ed25519')");
        await step("let Reeve in");
        w.bare.say(`authorize ${(await text_of(w.page, "code:has-text('ssh-ed25519')")).trim()}`);
        await wait_until("it passes", async () => {
          await w.page.click("button:has-text('test it')");
          await w.page.waitForSelector(".notice.good, .notice.bad");
          return (await w.page.locator(".notice.good").count()) > 0;
        });
        await step("it works");
        await w.page.click("button:has-text('Open the site')");
        await wait_until("it is up", async () => (await text_of(w.page, ".site-head .title")).includes("up"));
        await step("the site is open");
        await w.page.click("nav a:has-text('Home')");
        await w.page.click("button:has-text('My work')");
        await w.page.fill("label:has-text('Command') input", "echo hello from $(hostname)");
        await w.page.click("button:has-text('Run it')");
        await wait_until("it succeeded", async () => (await text_of(w.page, ".title")).includes("succeeded"));
        await w.page.click("text=The whole log");
        await wait_until("its output", async () => (await text_of(w.page, "pre.log")).includes("hello from "));
        await step("the first output");
        must(Date.now() - began < 300_000, "it took more than five minutes");
        // And this machine, by one click.
        await w.page.goto(`${w.origin}/setup`);
        await w.page.click("button:has-text('Try it now')");
        await w.page.waitForSelector("a:has-text('What a task wrote')");
        must((await text_of(w.page, ".trial-job")).includes("20 / 20"), "not all of its tasks");
        await step("tried on this machine");
        await w.page.click("button:has-text('Take it away again')");
        await w.page.waitForSelector("button:has-text('Try it now')");
        await w.page.goto(`${w.origin}/`);
        await w.page.waitForSelector("#attention, .my-work");
        await w.page.click("button:has-text('The grid')");
        await w.page.waitForSelector("#system");
        await wait_until("the versions", async () => (await text_of(w.page, "#system >> xpath=ancestor::section")).includes("server"));
        await step("home of the grid");
        return faults;
      },
    },
  ];
}
