// SPDX-License-Identifier: Apache-2.0
// pure.mjs - parts of the dashboard that need no browser, bundled from their source and asked directly.
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { must } from "./browser.mjs";

const ui = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "web", "ui");

// The module `path` of web/ui/src, with all it imports.
async function module_of(path) {
  const esbuild = await import(pathToFileURL(createRequire(join(ui, "package.json")).resolve("esbuild")));
  const built = await esbuild.build({ entryPoints: [join(ui, "src", path)], bundle: true, format: "esm", write: false, platform: "neutral", mainFields: ["module", "main"] });
  return import(`data:text/javascript;base64,${Buffer.from(built.outputFiles[0].text).toString("base64")}`);
}

const same = (got, want, what) => must(JSON.stringify(got) === JSON.stringify(want), `${what}: ${JSON.stringify(got)}, not ${JSON.stringify(want)}`);

// A fan out, `width` chains with links across, joined in the end.
function large(n) {
  const width = Math.floor(Math.sqrt(n) * 2);
  const edges = [];
  for (let i = 1; i < n; i++) {
    if (i <= width) edges.push([0, i]);
    else {
      edges.push([i - width, i]);
      const layer = Math.floor((i - 1) / width);
      const across = (layer - 1) * width + 1 + ((i * 7919) % width);
      if (across !== i - width && across < i) edges.push([across, i]);
    }
  }
  return edges;
}

export const pure_cases = [
  {
    name: "a graph is laid out in layers, each job behind all it waits for, none over another",
    run: async () => {
      const { lay_out, order_of, longest_chain } = await module_of("job/layout.ts");
      for (const n of [1, 2, 50, 2000, 5000]) {
        const edges = large(n);
        const times = [];
        let l;
        for (let k = 0; k < 5; k++) {
          const began = performance.now();
          l = lay_out(n, edges);
          times.push(performance.now() - began);
        }
        console.log(`# ${n} jobs, ${edges.length} links: laid out in ${Math.min(...times).toFixed(0)} ms at best, ${times[0].toFixed(0)} ms the first time`);
        for (const [a, b] of edges) must(l.x[a] < l.x[b], `${b} does not stand behind ${a}`);
        const taken = new Map();
        for (let i = 0; i < n; i++) taken.set(l.x[i], [...(taken.get(l.x[i]) ?? []), l.y[i]]);
        for (const ys of taken.values()) {
          ys.sort((a, b) => a - b);
          for (let i = 1; i < ys.length; i++) must(ys[i] - ys[i - 1] > 0.999, `two of a layer overlap: ${ys[i - 1]} and ${ys[i]}`);
        }
        must(l.rows <= n && Math.min(...l.y) > -0.001, "it does not begin at the top");
      }
      same(order_of(3, [[0, 1], [1, 2], [2, 0]]).length, 3, "a circle is gone through, too");
      const { chain, weight } = longest_chain(4, [[0, 1], [0, 2], [1, 3], [2, 3]], (i) => [1, 5, 2, 1][i]);
      same([chain, weight], [[0, 1, 3], 7], "the longest chain");
    },
  },
  {
    name: "attempts share as few rows as they can, and the spans between them are found",
    run: async () => {
      const { rows_by_site, rows_by_task, gaps_of, ticks_of } = await module_of("job/lanes.ts");
      const bar = (task, site, a, b) => ({ task, attempt: 1, site, state: "succeeded", outcome: "succeeded", placed_at: new Date(a * 1000).toISOString(), started_at: new Date(a * 1000 + 500).toISOString(), ended_at: b === null ? null : new Date(b * 1000).toISOString() });
      const bars = [bar(1, "b", 10, 20), bar(2, "a", 10, 20), bar(3, "a", 12, 22), bar(4, "a", 21, 30), bar(5, "a", 50, null)];
      const by = rows_by_site(bars, 60_000);
      same([by.rows, by.heads.map((h) => [h.word, h.row, h.rows])], [3, [["a", 0, 2], ["b", 2, 1]]], "rows by site");
      same(rows_by_task(bars, 60_000).rows, 5, "rows by task");
      same(gaps_of(by.bars, 5000, 70_000, 1000), [{ from: 5000, to: 10_000 }, { from: 30_000, to: 50_000 }, { from: 60_000, to: 70_000 }], "gaps");
      same(ticks_of(0, 60_000, 6).length, 7, "lines of the axis");
    },
  },
  {
    name: "what differs between two texts is told by lines, long runs alike by their number",
    run: async () => {
      const { diff_lines, differs } = await module_of("job/diff.ts");
      const told = (a, b) => diff_lines(a, b, 1).map((l) => (l.kind === "skip" ? `(${l.n})` : `${{ same: " ", old: "-", new: "+" }[l.kind]}${l.text}`));
      same(told("a\nb\nc\nd\ne", "a\nb\nX\nd\ne"), ["(1)", " b", "-c", "+X", " d", "(1)"], "one line");
      same(differs(diff_lines("a\nb", "a\nb")), false, "the same");
      same(told("", "x"), ["-", "+x"], "something new");
      const long = Array.from({ length: 4000 }, (_, i) => `line ${i}`);
      must(differs(diff_lines(long.join("\n"), long.toReversed().join("\n"))), "too long to compare is told whole");
    },
  },
  {
    name: "a query is read and written back the same",
    run: async () => {
      const { filter_parse, filter_text, filter_options, filter_asked } = await module_of("jobs_filter.ts");
      for (const text of ["state:failed user:ann", "name:align*", '"lig ht"', "label:k=v age<2d", "age>3h", "id:1,2", '"name:a b"', "since:2026-11-01"]) {
        const { filter, errors } = filter_parse(text);
        same(errors, [], text);
        same(filter_text(filter), text, "written back");
      }
      same(filter_parse("align").filter, { name: "align*" }, "a word alone");
      same(filter_asked({ since: "2026-11-01", until: "2d" }), { since: "2026-11-01T00:00:00Z", until: "2d" }, "a day is a moment");
      same(filter_options({ state: "failed", label: "k:v", since: "2d" }), ["--state", "failed", "--label", "k=v", "--since", "2d"], "for the command line");
      same(filter_parse("age<soon colour:red state:x a b").errors.map((e) => e.why), ["time", "unknown", "state", "twice"], "what is wrong");
    },
  },
  {
    name: "requests are proposed with a margin and in round numbers",
    run: async () => {
      const { memory_ask, time_ask, figures_of, bins_of } = await module_of("job/figures.ts");
      const mib = 1024 ** 2;
      same([memory_ask(90 * mib) / mib, memory_ask(7900 * mib) / mib, time_ask(100), time_ask(5000)], [128, 9728, 180, 9000], "what to ask for");
      const f = figures_of([5, 1, 3, 2, 4]);
      same([f.min, f.median, f.p95, f.max, figures_of([])], [1, 3, 5, 5, null], "quantiles");
      same(bins_of([0, 1, 9, 10], 2).counts, [2, 2], "a histogram");
    },
  },
];
