// SPDX-License-Identifier: Apache-2.0
// conform.mjs RECORDS... - hold what live servers answered (lines written by server.py) against the server's own
// OpenAPI document, and the requests that were taken as well. Every route must have been answered, and every kind of
// problem met. TAP on standard output.

import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import Ajv2020 from "ajv/dist/2020.js";
import addFormats from "ajv-formats";

const SHOWN = 20; // faults of one kind
// Nothing that a client does brings these about.
const UNPROVOKED = new Set(["500"]);

async function* records(files) {
  for (const file of files)
    for await (const line of createInterface({ input: createReadStream(file), crlfDelay: Infinity }))
      if (line) yield JSON.parse(line);
}

async function documentOf(files) {
  let found = null;
  for await (const r of records(files))
    if (r.method === "GET" && r.path === "/v1/openapi.json" && r.status === 200) found = r.reply;
  if (!found) throw new Error("no reply of /v1/openapi.json was recorded");
  return JSON.parse(found);
}

const files = process.argv.slice(2);
const document = await documentOf(files);

const ajv = new Ajv2020({ strict: true, strictTypes: false, allErrors: false, allowUnionTypes: true });
addFormats(ajv);
// References of the document become references into the one schema that ajv knows.
function absolute(value) {
  if (Array.isArray(value)) return value.map(absolute);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(
    Object.entries(value).map(([k, v]) => [k, k === "$ref" ? v.replace("#/components/schemas/", "api#/$defs/") : absolute(v)]),
  );
}

ajv.addSchema({ $id: "api", $defs: absolute(document.components.schemas) });

const compiled = new Map();
function check(schema, value) {
  const key = JSON.stringify(schema);
  if (!compiled.has(key)) compiled.set(key, ajv.compile(absolute(schema)));
  const valid = compiled.get(key);
  return valid(value) ? null : valid.errors.map((e) => `${e.instancePath || "/"} ${e.message} ${JSON.stringify(e.params)}`)[0];
}

// ---- which operation a request meant ----

const operations = [];
for (const [pattern, methods] of Object.entries(document.paths))
  for (const [method, operation] of Object.entries(methods))
    operations.push({
      name: `${method.toUpperCase()} ${pattern}`,
      method: method.toUpperCase(),
      path: new RegExp("^" + pattern.replace(/[.]/g, "\\.").replace(/\{[a-z]+\}/g, "[^/]+") + "$"),
      operation,
      answered: 0,
    });

const find = (method, path) => operations.find((o) => o.method === method && o.path.test(path));

function responseOf(operation, status) {
  const r = operation.responses[status];
  return r?.$ref ? document.components.responses[r.$ref.split("/").pop()] : r;
}

function parse(text) {
  try {
    return { value: JSON.parse(text) };
  } catch (e) {
    return { fault: `is not JSON: ${e.message}` };
  }
}

// What is wrong with the reply, or null.
function judge(response, r) {
  const types = Object.keys(response.content ?? {});
  const type = (r.type ?? "").split(";")[0];
  if (!types.length) return r.reply ? "has a body, which is not documented" : null;
  if (!r.reply && r.dry) return null; // of what has no body
  if (!types.includes(type)) return `is ${type}, documented are ${types}`;
  const schema = response.content[type].schema;
  if (!schema) return null;
  const { value, fault } = parse(r.reply);
  return fault ?? check(schema, value);
}

// ---- the run ----

const faults = { reply: [], request: [] };
const seen = new Set();
let judged = 0;

function note(kind, r, what) {
  faults[kind].push(`${r.method} ${r.path} ${r.status}: ${what}\n#     ${(kind === "reply" ? r.reply : r.request).slice(0, 400)}`);
}

for await (const r of records(files)) {
  const path = r.path.split("?")[0];
  const o = find(r.method, path);
  if (r.method === "HEAD" || r.status === 304) continue;
  if (r.status >= 400) seen.add(String(r.status));
  if (!o) {
    // No operation: an asset, or a problem.
    if (r.status < 400) continue;
    const fault = judge({ content: { "application/problem+json": { schema: { $ref: "#/components/schemas/problem" } } } }, r);
    if (fault) note("reply", r, fault);
    judged++;
    continue;
  }
  judged++;
  const response = responseOf(o.operation, r.status);
  // A head that cannot be taken is answered before the route counts.
  const fault = response ? judge(response, r) : r.status === 403 || r.status === 400 || r.status === 503 ? null : "this status is not documented";
  if (fault) note("reply", r, fault);
  else if (r.status < 400) o.answered++;
  const body = o.operation.requestBody?.content["application/json"]?.schema;
  if (r.status < 300 && r.request && body) {
    const { value, fault: malformed } = parse(r.request);
    const wrong = malformed ?? check(body, value);
    if (wrong) note("request", r, wrong);
  }
}

let number = 0;
function result(title, wrong) {
  for (const line of wrong.slice(0, SHOWN)) console.log(`# ${line}`);
  if (wrong.length > SHOWN) console.log(`# and ${wrong.length - SHOWN} more`);
  console.log(`${wrong.length ? "not ok" : "ok"} ${++number} - ${title}`);
  if (wrong.length) process.exitCode = 1;
}

console.log("1..5");
console.log(`# ${judged} replies, ${operations.length} operations`);
result("every schema of the document compiles", [
  ...Object.keys(document.components.schemas)
    .map((name) => {
      try {
        ajv.compile({ $ref: `api#/$defs/${name}` });
        return null;
      } catch (e) {
        return `${name}: ${e.message}`;
      }
    })
    .filter(Boolean),
]);
result("every reply is as documented", faults.reply);
result("every request that was taken is as documented", faults.request);
result("every route has a live reply that was held against its schema", operations.filter((o) => !o.answered).map((o) => o.name));
const documented = new Set(Object.values(document.paths).flatMap((m) => Object.values(m)).flatMap((o) => Object.keys(o.responses)));
result(
  "every kind of problem was met",
  [...documented].filter((s) => Number(s) >= 400 && !UNPROVOKED.has(s) && !seen.has(s)).map((s) => `${s} was never met`),
);
