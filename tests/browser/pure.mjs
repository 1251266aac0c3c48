// SPDX-License-Identifier: Apache-2.0
// pure.mjs - parts of the dashboard that need no browser, bundled from their source and asked directly.
import { readFileSync } from "node:fs";
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
      must(differs(diff_lines(long.join("\n"), [...long].reverse().join("\n"))), "too long to compare is told whole");
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

// ---- colours, as people see them

// sRGB to linear light; what eyes without one kind of cones see of it (Machado and others, 2009, full severity).
const linear = (hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16) / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
const eyes = {
  usual: [1, 0, 0, 0, 1, 0, 0, 0, 1],
  protan: [0.152286, 1.052583, -0.204868, 0.114503, 0.786281, 0.099216, -0.003882, -0.048116, 1.051998],
  deutan: [0.367322, 0.860646, -0.227968, 0.280085, 0.672501, 0.047413, -0.01182, 0.04294, 0.968881],
  tritan: [1.255528, -0.076749, -0.178779, -0.078411, 0.930809, 0.147602, 0.004733, 0.691367, 0.3039],
};
const seen = ([r, g, b], m) => [0, 3, 6].map((i) => Math.min(1, Math.max(0, m[i] * r + m[i + 1] * g + m[i + 2] * b)));

function lab([r, g, b]) {
  const f = (t) => (t > 216 / 24389 ? Math.cbrt(t) : (t * 24389) / 27 / 116 + 16 / 116);
  const x = f((0.4124564 * r + 0.3575761 * g + 0.1804375 * b) / 0.95047);
  const y = f(0.2126729 * r + 0.7151522 * g + 0.072175 * b);
  const z = f((0.0193339 * r + 0.119192 * g + 0.9503041 * b) / 1.08883);
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)];
}

// CIEDE2000.
export function difference([l1, a1, b1], [l2, a2, b2]) {
  const rad = Math.PI / 180;
  const mean_c = (Math.hypot(a1, b1) + Math.hypot(a2, b2)) / 2;
  const g = 0.5 * (1 - Math.sqrt(mean_c ** 7 / (mean_c ** 7 + 25 ** 7)));
  const [p1, p2] = [a1 * (1 + g), a2 * (1 + g)];
  const [c1, c2] = [Math.hypot(p1, b1), Math.hypot(p2, b2)];
  const hue = (a, b) => (a === 0 && b === 0 ? 0 : (Math.atan2(b, a) / rad + 360) % 360);
  const [h1, h2] = [hue(p1, b1), hue(p2, b2)];
  let dh = c1 * c2 === 0 ? 0 : h2 - h1;
  if (dh > 180) dh -= 360;
  else if (dh < -180) dh += 360;
  const dl = l2 - l1;
  const dc = c2 - c1;
  const dH = 2 * Math.sqrt(c1 * c2) * Math.sin((dh / 2) * rad);
  const ml = (l1 + l2) / 2;
  const mc = (c1 + c2) / 2;
  const mh = c1 * c2 === 0 ? h1 + h2 : Math.abs(h1 - h2) <= 180 ? (h1 + h2) / 2 : (h1 + h2 + (h1 + h2 < 360 ? 360 : -360)) / 2;
  const t = 1 - 0.17 * Math.cos((mh - 30) * rad) + 0.24 * Math.cos(2 * mh * rad) + 0.32 * Math.cos((3 * mh + 6) * rad) - 0.2 * Math.cos((4 * mh - 63) * rad);
  const sl = 1 + (0.015 * (ml - 50) ** 2) / Math.sqrt(20 + (ml - 50) ** 2);
  const sc = 1 + 0.045 * mc;
  const sh = 1 + 0.015 * mc * t;
  const rt = -2 * Math.sqrt(mc ** 7 / (mc ** 7 + 25 ** 7)) * Math.sin(60 * Math.exp(-(((mh - 275) / 25) ** 2)) * rad);
  return Math.sqrt((dl / sl) ** 2 + (dc / sc) ** 2 + (dH / sh) ** 2 + rt * (dc / sc) * (dH / sh));
}

const FILLS = ["good-fill", "bad-fill", "busy-fill", "calm-fill", "done-fill"];
const APART = 10;

pure_cases.push({
  name: "the colours of states are told apart by every kind of eyes, light and dark",
  run: async () => {
    must(Math.abs(difference([50, 2.6772, -79.7751], [50, 0, -82.7485]) - 2.0425) < 0.001, "the measure is wrong");
    const css = readFileSync(join(ui, "src", "css", "tokens.css"), "utf8");
    for (const theme of [0, 1]) {
      const colour = (name) => new RegExp(`--${name}: light-dark\\((#[0-9a-fA-F]{6}), (#[0-9a-fA-F]{6})\\)`).exec(css)[1 + theme];
      for (const [eye, m] of Object.entries(eyes)) {
        for (let i = 0; i < FILLS.length; i++) {
          for (let j = i + 1; j < FILLS.length; j++) {
            const d = difference(lab(seen(linear(colour(FILLS[i])), m)), lab(seen(linear(colour(FILLS[j])), m)));
            must(d > APART, `${FILLS[i]} and ${FILLS[j]} are ${d.toFixed(1)} apart (${eye}, ${theme ? "dark" : "light"})`);
          }
        }
      }
    }
  },
});
