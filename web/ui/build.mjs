// SPDX-License-Identifier: Apache-2.0
// build.mjs OUTDIR: bundle src/ into OUTDIR with hashed names, fill index.html, compress. Called by build.sh.
import { readFileSync, writeFileSync, rmSync, mkdirSync, readdirSync } from "node:fs";
import { join, basename } from "node:path";
import { createHash } from "node:crypto";
import { brotliCompressSync, gzipSync, constants } from "node:zlib";
import * as esbuild from "esbuild";

// Everything that the first page needs, compressed: more than this is a fault of the build.
const FIRST_LOAD_MAX = 60 * 1024;

const out = process.argv[2];
const assets = join(out, "assets");

for (const name of readdirSync(out)) {
  if (name === "assets" || name.startsWith("index.html")) rmSync(join(out, name), { recursive: true });
}
mkdirSync(assets, { recursive: true });

async function bundle(entry) {
  const result = await esbuild.build({
    entryPoints: [join("src", entry)],
    bundle: true,
    minify: true,
    format: "esm",
    target: ["es2022", "chrome123", "firefox120", "safari17.5"],
    jsx: "automatic",
    jsxImportSource: "preact",
    charset: "utf8",
    legalComments: "none",
    outdir: assets,
    write: false,
    logLevel: "warning",
    // A fixed name in, so that the bytes do not depend on where the tree lies.
    absWorkingDir: process.cwd(),
  });
  return result.outputFiles[0].contents;
}

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

let total = 0;
function asset(name, bytes) {
  const file = hashed(name, bytes);
  total += compress(join(assets, file), bytes);
  return `/assets/${basename(file)}`;
}

const names = {
  "%SCRIPT%": asset("app.js", await bundle("main.tsx")),
  "%STYLE%": asset("app.css", await bundle("style.css")),
  "%ICON%": asset("icon.svg", readFileSync("src/icon.svg")),
};
let html = readFileSync("index.html", "utf8");
for (const [mark, path] of Object.entries(names)) html = html.replaceAll(mark, path);
total += compress(join(out, "index.html"), Buffer.from(html));

if (total > FIRST_LOAD_MAX) {
  console.error(`web/ui/build.mjs: the first load is ${total} bytes compressed; at most ${FIRST_LOAD_MAX} are allowed`);
  process.exit(1);
}
