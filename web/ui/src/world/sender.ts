// SPDX-License-Identifier: Apache-2.0
// sender.ts - send files of this computer into an open dataset, piece by piece, and go on where a break left off.
//
// The server says how much of a file it has; a piece begins there. After a failure the next try waits 1 s, 2 s ... 30 s.

import { signal, type Signal } from "@preact/signals";
import { get, path_of, post, Problem } from "../api";
import type { Page } from "../types";
import type { FileRow } from "./types";

const PIECE = 8 * 1024 * 1024;
const AT_ONCE = 2;
const TRIES = 8;
const BACKOFF_MAX_MS = 30_000;
const RATE_MS = 8000; // the rate is the mean of this long

export interface Chosen {
  path: string;
  file: File;
}

export type SendState = "idle" | "sending" | "paused" | "failed" | "done";

export interface Progress {
  state: SendState;
  sent: number;
  total: number;
  files_done: number;
  files: number;
  rate: number; // bytes in a second
  now: string; // the file that is under way
  problem: Problem | null;
}

const none: Progress = { state: "idle", sent: 0, total: 0, files_done: 0, files: 0, rate: 0, now: "", problem: null };

export class Sender {
  readonly progress: Signal<Progress> = signal(none);
  private stop = new AbortController();
  private marks: { at: number; sent: number }[] = [];
  private readonly have = new Map<string, number>();

  constructor(
    readonly dataset: string,
    readonly chosen: Chosen[],
  ) {}

  // Send what is missing, then say that it is all.
  async run(seal: boolean): Promise<void> {
    const base = `/v1/datasets/${encodeURIComponent(this.dataset)}`;
    this.stop = new AbortController();
    const total = this.chosen.reduce((n, c) => n + c.file.size, 0);
    this.set({ state: "sending", total, files: this.chosen.length, problem: null });
    try {
      await this.look(base);
      const todo = this.chosen.filter((c) => (this.have.get(c.path) ?? -1) < c.file.size || c.file.size === 0);
      this.told();
      const next = async (): Promise<void> => {
        for (let c = todo.shift(); c && !this.stop.signal.aborted; c = todo.shift()) await this.file(base, c);
      };
      await Promise.all(Array.from({ length: AT_ONCE }, next));
      if (this.stop.signal.aborted) return;
      if (seal) await post(`${base}/seal`, {});
      this.set({ state: "done" });
    } catch (reason) {
      if (!this.stop.signal.aborted) {
        this.stop.abort();
        this.set({ state: "failed", problem: Problem.from(reason) });
      }
    }
  }

  pause(): void {
    this.stop.abort();
    this.set({ state: "paused", rate: 0 });
  }

  // What the server has of the chosen files.
  private async look(base: string): Promise<void> {
    const wanted = new Set(this.chosen.map((c) => c.path));
    let cursor: string | null = null;
    do {
      const page: Page<FileRow> = await get<Page<FileRow>>(path_of(`${base}/files`, { limit: 1000, cursor }), this.stop.signal);
      for (const f of page.items) if (wanted.has(f.path)) this.have.set(f.path, f.received ?? 0);
      cursor = page.next_cursor;
    } while (cursor);
  }

  private async file(base: string, c: Chosen): Promise<void> {
    let offset = this.have.get(c.path) ?? 0;
    let tries = 0;
    do {
      try {
        const piece = c.file.slice(offset, offset + PIECE);
        const received = await this.piece(base, c, offset, piece);
        offset = received;
        tries = 0;
      } catch (reason) {
        if (this.stop.signal.aborted) return;
        const problem = Problem.from(reason);
        if (problem instanceof Behind) offset = problem.received;
        else if (problem.status !== 0 && problem.status !== 429 && problem.status !== 503) throw problem;
        if (++tries > TRIES) throw problem;
        if (!(problem instanceof Behind)) await new Promise((done) => setTimeout(done, Math.min(1000 * 2 ** (tries - 1), BACKOFF_MAX_MS)));
      }
      this.have.set(c.path, offset);
      this.told(c.path);
    } while (offset < c.file.size && !this.stop.signal.aborted);
  }

  private async piece(base: string, c: Chosen, offset: number, piece: Blob): Promise<number> {
    const reply = await fetch(path_of(`${base}/files`, { path: c.path, offset, size: c.file.size }), {
      method: "PUT",
      headers: { "X-Reeve-Csrf": "1", Accept: "application/json", "Content-Type": "application/octet-stream" },
      body: piece,
      cache: "no-store",
      credentials: "same-origin",
      signal: this.stop.signal,
    });
    if (reply.ok) return ((await reply.json()) as { received: number }).received;
    const received = reply.headers.get("Reeve-Received");
    const body = (await reply.json().catch(() => ({}))) as { title?: string; code?: string; detail?: string };
    if (reply.status === 409 && received !== null) throw new Behind(reply.status, body.code ?? "", body.title ?? "", body.detail ?? "", Number(received));
    throw new Problem(reply.status, body.code ?? "", body.title ?? `${reply.status}`, body.detail ?? "");
  }

  private told(now = this.progress.value.now): void {
    let sent = 0;
    let files_done = 0;
    for (const c of this.chosen) {
      const have = Math.min(this.have.get(c.path) ?? 0, c.file.size);
      sent += have;
      if (this.have.has(c.path) && have >= c.file.size) files_done++;
    }
    const at = Date.now();
    this.marks = [...this.marks.filter((m) => at - m.at < RATE_MS), { at, sent }];
    const first = this.marks[0]!;
    const rate = at > first.at ? (1000 * (sent - first.sent)) / (at - first.at) : 0;
    this.set({ sent, files_done, rate, now });
  }

  private set(change: Partial<Progress>): void {
    this.progress.value = { ...this.progress.value, ...change };
  }
}

// The server has another part of the file than we thought.
class Behind extends Problem {
  constructor(status: number, code: string, title: string, detail: string, readonly received: number) {
    super(status, code, title, detail);
  }
}

// The uploads of this tab, so that one may look at other pages meanwhile.
const senders = new Map<string, Sender>();
export const sender_of = (dataset: string) => senders.get(dataset);
export function sender_start(dataset: string, chosen: Chosen[]): Sender {
  const s = new Sender(dataset, chosen);
  senders.set(dataset, s);
  void s.run(true);
  return s;
}
addEventListener("beforeunload", (e) => {
  if ([...senders.values()].some((s) => s.progress.value.state === "sending")) e.preventDefault();
});
