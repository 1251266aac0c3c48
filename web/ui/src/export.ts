// SPDX-License-Identifier: Apache-2.0
// export.ts - a list of jobs as a file, put together here from pages of the API.

import { get, path_of } from "./api";
import { filter_asked, type Filter } from "./jobs_filter";
import type { Job, Page } from "./types";

export const EXPORT_MAX = 10_000; // it is put together in memory; whoever wants more uses the command line

// One cell. What a spreadsheet would take for a formula is kept from it by a quote mark.
export function csv_cell(value: unknown): string {
  let text = value === null || value === undefined ? "" : String(value);
  if (/^[=+\-@\t\r]/.test(text) && typeof value !== "number") text = `'${text}`;
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

const columns: [string, (j: Job) => unknown][] = [
  ["id", (j) => j.id],
  ["name", (j) => j.name],
  ["state", (j) => j.state],
  ["project", (j) => j.project],
  ["user", (j) => j.user],
  ["tasks", (j) => j.tasks.total],
  ["succeeded", (j) => j.tasks.succeeded],
  ["failed", (j) => j.tasks.failed],
  ["cancelled", (j) => j.tasks.cancelled],
  ["running", (j) => j.tasks.running],
  ["waiting", (j) => j.tasks.ready + j.tasks.blocked],
  ["wait_reason", (j) => j.wait?.reason],
  ["submitted_at", (j) => j.submitted_at],
  ["started_at", (j) => j.started_at],
  ["finished_at", (j) => j.finished_at],
  ["priority", (j) => j.priority],
  ["labels", (j) => Object.entries(j.labels).map(([k, v]) => `${k}=${v}`).join(" ")],
  ["message", (j) => j.message],
];

export function csv_of(jobs: Job[]): string {
  const rows = [columns.map(([name]) => name), ...jobs.map((j) => columns.map(([, value]) => csv_cell(value(j))))];
  return `${rows.map((r) => r.join(",")).join("\r\n")}\r\n`;
}

export function save_file(name: string, parts: BlobPart[], type: string): void {
  const url = URL.createObjectURL(new Blob(parts, { type }));
  const a = document.createElement("a");
  a.href = url;
  a.download = name;
  a.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

export async function export_jobs(filter: Filter, kind: "csv" | "json", progress: (n: number) => void): Promise<void> {
  const jobs: Job[] = [];
  let cursor: string | null = null;
  do {
    const page: Page<Job> = await get<Page<Job>>(path_of("/v1/jobs", { ...filter_asked(filter), cursor, limit: 1000 }));
    jobs.push(...page.items);
    cursor = page.next_cursor;
    progress(jobs.length);
  } while (cursor !== null && jobs.length < EXPORT_MAX);
  const text = kind === "csv" ? csv_of(jobs) : JSON.stringify(jobs, null, 1);
  save_file(`jobs.${kind}`, [text], kind === "csv" ? "text/csv" : "application/json");
}
