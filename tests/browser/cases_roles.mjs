// SPDX-License-Identifier: Apache-2.0
// cases_roles.mjs - every page as each role sees it, against canned answers: no fault that axe knows, nothing sticks out,
// nothing on the console. ALL_ROLES=1: every page, both themes and widths; else what differs most by role.
import { axe_check, overflow_check, shot } from "./browser.mjs";

const roles = {
  viewer: { role: "viewer", memberships: [{ project: "phage", role: "viewer", max_live: null }], projects: ["phage"], sites: [] },
  submitter: { role: "submitter", memberships: [{ project: "phage", role: "submitter", max_live: 100 }], projects: ["phage"], sites: [] },
  "project-admin": { role: "submitter", memberships: [{ project: "phage", role: "admin", max_live: null }], projects: ["phage"], sites: [] },
  "site-admin": { role: "submitter", memberships: [{ project: "phage", role: "submitter", max_live: null }], projects: ["phage"], sites: ["alpha"] },
  admin: {},
};

const pages = [
  "/", "/jobs", "/jobs/1040", "/jobs/1040?tab=why", "/jobs/1040?tab=tasks", "/jobs/1040?tab=graph", "/jobs/1040?tab=timeline", "/jobs/1040?tab=log&task=6", "/jobs/1040?tab=outputs",
  "/jobs/1040?tab=metrics", "/jobs/1040?tab=spec", "/submit", "/data", "/data/lambda", "/data:new", "/sites", "/sites/alpha", "/sites/new", "/queue", "/transfers", "/links", "/workers",
  "/workers/1", "/insights", "/wall", "/api/docs", "/help", "/docs/errors", "/account", "/account?tab=tokens", "/account?tab=notices", "/admin", "/admin?tab=projects", "/admin?tab=system", "/setup",
];
const telling = ["/", "/sites/alpha", "/workers/1", "/data/lambda", "/submit", "/admin"];
const all = Boolean(process.env.ALL_ROLES);
const looks = ["light", "dark"].flatMap((theme) => [1280, 390].map((width) => ({ theme, width })));

export const role_cases = ({ sign_in, out_dir }) =>
  Object.entries(roles).filter(([role]) => all || role !== "admin").flatMap(([role, more], i) =>
    looks
      .filter((_, k) => all || k === (i % 2 ? 0 : 3))
      .map(({ theme, width }) => ({
        name: `the pages as a ${role} sees them, in ${theme} at ${width} pixels`,
        page: { theme, width, height: width < 500 ? 800 : 900, allow: /status of 40[34]/ },
        run: async (w) => {
          const faults = [];
          Object.assign(w.mock.scene.people.me, more);
          await sign_in(w, "/help");
          for (const path of all ? pages : telling) {
            await w.page.goto(w.mock.url + path);
            await w.page.waitForSelector("main :is(h1, .empty)", { state: "attached" });
            await w.page.waitForFunction(() => !document.querySelector(".boot"));
            await w.page.waitForLoadState("load");
            await shot(w.page, out_dir && `${out_dir}/roles`, `${role}${path.replaceAll(/[^a-z0-9]+/gi, "-")}-${theme}-${width}`);
            for (const fault of [...(await axe_check(w.page)), ...(await overflow_check(w.page))]) faults.push(`${path}: ${fault}`);
          }
          return faults;
        },
      })),
  );
