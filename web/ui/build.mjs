// SPDX-License-Identifier: Apache-2.0
// build.mjs OUTDIR: bundle src/ into OUTDIR with hashed names, fill index.html, compress. Called by build.sh.
//
// What main.tsx imports is the first load; what it imports by import() comes when a page asks for it.
import { readFileSync, writeFileSync, rmSync, mkdirSync, readdirSync } from "node:fs";
import { join, basename } from "node:path";
import { createHash } from "node:crypto";
import { brotliCompressSync, gzipSync, constants } from "node:zlib";
import * as esbuild from "esbuild";

// Everything that the first page needs, and all there is, compressed: more than this is a fault of the build.
const FIRST_LOAD_MAX = 60 * 1024;
const ALL_MAX = 400 * 1024;

const out = process.argv[2];
const assets = join(out, "assets");

for (const name of readdirSync(out)) {
  if (name === "assets" || name.startsWith("index.html")) rmSync(join(out, name), { recursive: true });
}
mkdirSync(assets, { recursive: true });

const common = {
  bundle: true,
  minify: true,
  format: "esm",
  target: ["es2022", "chrome123", "firefox120", "safari17.5"],
  charset: "utf8",
  legalComments: "none",
  outdir: assets,
  write: false,
  logLevel: "warning",
  // A fixed name in, so that the bytes do not depend on where the tree lies.
  absWorkingDir: process.cwd(),
};

function compress(path, bytes) {
  const br = brotliCompressSync(bytes, {
    params: {
      [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
      [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
    },
  });
  writeFileSync(path, bytes);
  writeFileSync(`${path}.br`, br);
  writeFileSync(`${path}.gz`, gzipSync(bytes, { level: 9 }));
  return br.length;
}

function hashed(name, bytes) {
  const hash = createHash("sha256").update(bytes).digest("hex").slice(0, 10);
  const dot = name.lastIndexOf(".");
  return `${name.slice(0, dot)}-${hash}${name.slice(dot)}`;
}

let first = 0;
let all = 0;
function asset(name, bytes) {
  const file = hashed(name, bytes);
  const size = compress(join(assets, file), bytes);
  first += size;
  all += size;
  return `/assets/${basename(file)}`;
}

// Styles that only some pages need come inside the program of these, as text: NAME.sheet.css is what
// `import text from "./NAME.sheet.css"` yields, made small.
const sheets = {
  name: "sheets",
  setup: (build) =>
    build.onLoad({ filter: /\.sheet\.css$/ }, async ({ path }) => {
      const small = await esbuild.transform(readFileSync(path, "utf8"), { loader: "css", minify: true, target: common.target, legalComments: "none" });
      return { contents: small.code, loader: "text" };
    }),
};

// The coast lines of the world, projected and rounded here, so that pages carry neither a projection of their own for
// them nor more digits than a screen has dots: `import { coast } from "virtual:coast"`.
async function coast_path() {
  const { code } = await esbuild.transform(readFileSync("src/world/earth.ts", "utf8"), { loader: "ts", format: "esm" });
  const { project } = await import(`data:text/javascript;base64,${Buffer.from(code).toString("base64")}`);
  const atlas = JSON.parse(readFileSync("node_modules/world-atlas/land-110m.json", "utf8"));
  const { scale, translate } = atlas.transform;
  // An arc's points follow each other as differences of whole numbers; a ring names arcs, ~n those walked backwards.
  const arcs = atlas.arcs.map((arc) => {
    let [x, y] = [0, 0];
    return arc.map(([dx, dy]) => [(x += dx) * scale[0] + translate[0], (y += dy) * scale[1] + translate[1]]);
  });
  // Where a ring crosses the edge of the map it goes on beyond 180 degrees, instead of jumping to the other side.
  const unrolled = (names) => {
    let turn = 0;
    let before = null;
    const points = names.flatMap((n) => (n < 0 ? [...arcs[~n]].reverse() : arcs[n])).map(([l, p]) => {
      if (before !== null && Math.abs(l - before) > 180) turn += l < before ? 360 : -360;
      before = l;
      return [l + turn, p];
    });
    const [first, last] = [points[0][0], points.at(-1)[0]];
    // One that goes around the earth is closed over the pole.
    return Math.abs(last - first) > 180 ? [...points, [last, -90], [first, -90]] : points;
  };
  // project() puts what is beyond the edge on the edge: drawn once more a turn further on, the other part shows. Of what
  // lies beyond only the ends are kept, so that no coast runs along the edge.
  const inside = (p) => Math.abs(p[0]) <= 180;
  const drawn = (ring) =>
    [0, -360, 360]
      .map((turn) => ring.map(([l, p]) => [l + turn, p]))
      .filter((r) => r.some(([l]) => Math.abs(l) < 180))
      .map((r) => r.filter((p, i) => inside(p) || inside(r[(i + 1) % r.length]) || inside(r.at(i - 1))));
  const path = (points) => {
    const round = points.map(([l, p]) => project(l, p).map((v) => Math.round(v * 5)));
    const apart = round.filter(([x, y], i) => i === 0 || x !== round[i - 1][0] || y !== round[i - 1][1]);
    const step = ([x, y], i) => (i === 0 ? `M${x / 5} ${y / 5}` : `${(x - apart[i - 1][0]) / 5} ${(y - apart[i - 1][1]) / 5}`);
    return apart.length > 2 ? `${step(apart[0], 0)}l${apart.slice(1).map((p, i) => step(p, i + 1)).join(" ").replaceAll(" -", "-")}z` : "";
  };
  const ring = (names) => drawn(unrolled(names)).map(path).join("");
  return atlas.objects.land.geometries.flatMap((g) => g.arcs.flat().map(ring)).join("");
}

const coast = {
  name: "coast",
  setup: (build) => {
    build.onResolve({ filter: /^virtual:coast$/ }, () => ({ path: "coast", namespace: "coast" }));
    build.onLoad({ filter: /.*/, namespace: "coast" }, async () => ({ contents: `export const coast = ${JSON.stringify(await coast_path())};`, loader: "js" }));
  },
};

// The program, in pieces. Returns the address of the piece that starts it.
async function program() {
  const result = await esbuild.build({
    ...common,
    entryPoints: { app: "src/main.tsx" },
    splitting: true,
    jsx: "automatic",
    jsxImportSource: "preact",
    entryNames: "[name]-[hash]",
    chunkNames: "[name]-[hash]",
    metafile: true,
    plugins: [sheets, coast],
  });
  const pieces = new Map(Object.entries(result.metafile.outputs).map(([path, o]) => [basename(path), o]));
  const sizes = new Map(result.outputFiles.map((f) => [basename(f.path), compress(f.path, f.contents)]));
  const entry = [...pieces].find(([, o]) => o.entryPoint === "src/main.tsx")[0];
  const needed = new Set();
  const need = (name) => {
    if (needed.has(name)) return;
    needed.add(name);
    for (const i of pieces.get(name).imports) if (i.kind === "import-statement") need(basename(i.path));
  };
  need(entry);
  for (const [name, size] of sizes) {
    all += size;
    if (needed.has(name)) first += size;
  }
  return { entry: `/assets/${entry}`, others: [...needed].filter((n) => n !== entry) };
}

async function style() {
  const result = await esbuild.build({ ...common, entryPoints: ["src/style.css"] });
  return asset("app.css", result.outputFiles[0].contents);
}

const { entry, others } = await program();
const names = {
  "%SCRIPT%": entry,
  "%STYLE%": await style(),
  "%ICON%": asset("icon.svg", readFileSync("src/icon.svg")),
  // Pieces that the first one imports are asked for beside it, not after it.
  "%PRELOAD%": others.map((n) => `<link rel="modulepreload" href="/assets/${n}">`).join("\n    "),
};
let html = readFileSync("index.html", "utf8");
for (const [mark, path] of Object.entries(names)) html = html.replaceAll(mark, path);
first += compress(join(out, "index.html"), Buffer.from(html));

function check(what, size, max) {
  if (process.env.SIZES) console.log(`${what}: ${size} bytes compressed of ${max}`);
  if (size <= max) return;
  console.error(`web/ui/build.mjs: ${what} is ${size} bytes compressed; at most ${max} are allowed`);
  process.exitCode = 1;
}
check("the first load", first, FIRST_LOAD_MAX);
check("the whole set", all, ALL_MAX);
