// SPDX-License-Identifier: Apache-2.0
// log_tail.ts - a window on the end of a log that may be huge and still growing.
//
// The window is a list of pieces in order: text, or a gap that the site did not keep. It begins with the last TAIL
// bytes and grows in both directions; when it is over WINDOW_MAX it forgets its other end, which can be asked again.

import { signal } from "@preact/signals";
import { path_of, Problem, send } from "./api";
import type { Stream } from "./types";

const TAIL = 64 * 1024;
const REQUEST_MAX = 256 * 1024;
const WINDOW_MAX = 1024 * 1024; // keeps the page quick: a browser slows down at some megabytes of text
const FOLLOW_MS = 1000;
const QUIET_MS = 5000; // how seldom a log is asked that does not grow

export interface Piece {
  from: number;
  to: number;
  text: string | null; // as it was written; null: not kept
}

const LINE_MAX = 4096; // of a line whose end has not come
const FIND_MAX = 64 * 1024 * 1024; // of a log that is gone through for an error
// What compilers, interpreters, shells and batch systems write when something goes wrong.
export const ERROR = /\b(error|fatal|panic|exception|traceback|segmentation fault|core dumped|killed|abort(ed|ing)|out of memory|no such file or directory|command not found|permission denied|assertion .*failed)\b/i;
const byte_length = (text: string) => new TextEncoder().encode(text).length;

type Gap = [number, number];

interface Reply {
  pieces: Piece[];
  size: number;
  final: boolean;
}

const header = (reply: Response, name: string) => {
  const value = reply.headers.get(name);
  return value !== null && /^\d+$/.test(value) ? Number(value) : null;
};

// Where a character that began before `bytes` ends in it.
export function first_whole(bytes: Uint8Array): number {
  let i = 0;
  while (i < 3 && i < bytes.length && (bytes[i]! & 0xc0) === 0x80) i++;
  return i;
}

// How many bytes at the end belong to a character that is not complete yet.
export function last_partial(bytes: Uint8Array): number {
  for (let back = 1; back <= 3 && back <= bytes.length; back++) {
    const b = bytes[bytes.length - back]!;
    if ((b & 0xc0) === 0x80) continue;
    const need = b >= 0xf0 ? 4 : b >= 0xe0 ? 3 : b >= 0xc0 ? 2 : 1;
    return need > back ? back : 0;
  }
  return 0;
}

// Bytes from `at` on, as pieces: cut at the gap, decoded by whole characters. What is not UTF-8 becomes U+FFFD.
export function cut(body: Uint8Array, at: number, gap: Gap | null, joins: boolean, final: boolean): Piece[] {
  const end = at + body.length;
  if (gap && at < gap[1] && end > gap[0]) {
    const before = body.subarray(0, Math.max(0, gap[0] - at));
    const after = body.subarray(Math.min(body.length, gap[1] - at));
    return [
      ...cut(before, at, null, joins, true),
      { from: Math.max(at, gap[0]), to: gap[1], text: null },
      ...cut(after, gap[1], null, false, final),
    ];
  }
  const skip = at > 0 && !joins ? first_whole(body) : 0;
  const hold = final ? 0 : last_partial(body.subarray(skip));
  const whole = body.subarray(skip, body.length - hold);
  if (whole.length === 0) return [];
  return [{ from: at + skip, to: end - hold, text: new TextDecoder().decode(whole) }];
}

export class LogTail {
  readonly pieces = signal<Piece[]>([]);
  readonly size = signal(0);
  readonly final = signal(false); // nothing more will come, and its end is there
  readonly complete = signal(false); // nothing more will be written
  readonly loaded = signal(false);
  readonly problem = signal<Problem | null>(null);
  readonly following = signal(true);
  private timer: ReturnType<typeof setTimeout> | undefined;
  private stopped = false;
  private gap: Gap | null = null; // as the last reply had it; it grows with the log
  private quiet_ms = FOLLOW_MS;

  constructor(
    private readonly base: string,
    private readonly attempt: number,
    private readonly stream: Stream,
  ) {}

  get from(): number {
    return this.pieces.value[0]?.from ?? 0;
  }

  get to(): number {
    return this.pieces.value[this.pieces.value.length - 1]?.to ?? 0;
  }

  // `at_end`: begin with the end and follow it; otherwise open_at says what is shown.
  start(at_end: boolean): () => void {
    const show = () => !document.hidden && this.schedule(0);
    document.addEventListener("visibilitychange", show);
    if (at_end) void this.step();
    return () => {
      this.stopped = true;
      clearTimeout(this.timer);
      document.removeEventListener("visibilitychange", show);
    };
  }

  follow(on: boolean): void {
    this.following.value = on;
    if (on) this.schedule(0);
  }

  async earlier(): Promise<void> {
    this.follow(false);
    const begin = this.from;
    const gap = this.gap;
    // A window that begins where the gap ends is continued on its other side.
    const end = gap && begin > gap[0] && begin <= gap[1] ? gap[0] : begin;
    const from = Math.max(0, end - TAIL);
    try {
      const { pieces } = await this.ask(from, end - from, false, end);
      const last = pieces[pieces.length - 1]?.to ?? from;
      if (last < begin) pieces.push({ from: last, to: begin, text: null });
      this.keep([...pieces, ...this.pieces.value], "front");
    } catch (reason) {
      this.problem.value = Problem.from(reason);
    }
  }

  private schedule(ms: number): void {
    clearTimeout(this.timer);
    if (!this.stopped && !this.final.value) this.timer = setTimeout(() => void this.step(), ms);
  }

  private async step(): Promise<void> {
    if (document.hidden || (this.loaded.value && !this.following.value)) return;
    try {
      const grew = this.loaded.value ? await this.forward() : await this.begin();
      if (this.stopped) return;
      this.problem.value = null;
      this.quiet_ms = grew ? FOLLOW_MS : Math.min(this.quiet_ms * 1.5, QUIET_MS);
    } catch (reason) {
      this.problem.value = Problem.from(reason);
      if (this.problem.value.status === 404 || this.problem.value.status === 401) return;
      this.quiet_ms = QUIET_MS;
    }
    this.schedule(this.quiet_ms);
  }

  private async begin(): Promise<boolean> {
    const got = await this.ask(-TAIL, TAIL, false);
    this.keep(got.pieces, "back");
    this.loaded.value = true;
    this.settle(got);
    return true;
  }

  private async forward(): Promise<boolean> {
    const at = this.to;
    const got = await this.ask(at, REQUEST_MAX, true);
    const news = got.pieces;
    if (news.length > 0) {
      if (news[0]!.from > at) news.unshift({ from: at, to: news[0]!.from, text: null });
      this.keep([...this.pieces.value, ...news], "back");
    }
    this.settle(got);
    return news.length > 0;
  }

  private settle(got: Reply): void {
    this.size.value = got.size;
    this.complete.value = got.final;
    this.final.value = got.final && this.to >= got.size;
  }

  private keep(pieces: Piece[], end: "front" | "back"): void {
    const all = [...pieces];
    const total = () => all.reduce((n, p) => n + (p.text === null ? 0 : p.to - p.from), 0);
    while (all.length > 1 && total() > WINDOW_MAX) {
      if (end === "back") all.shift();
      else all.pop();
    }
    this.pieces.value = all;
  }

  // Show what stands around a byte instead; what follows is asked by `later`, what came before by `earlier`.
  async open_at(offset: number): Promise<void> {
    this.follow(false);
    clearTimeout(this.timer);
    try {
      const from = Math.max(0, offset - TAIL / 4);
      const got = await this.ask(from, TAIL, false);
      this.pieces.value = got.pieces;
      this.loaded.value = true;
      this.settle(got);
    } catch (reason) {
      this.problem.value = Problem.from(reason);
    }
  }

  async later(): Promise<void> {
    try {
      await this.forward();
    } catch (reason) {
      this.problem.value = Problem.from(reason);
    }
  }

  // Where the first line stands that looks like an error: its first byte, or null. Goes through the log from its
  // beginning, at most FIND_MAX bytes of it.
  async first_error(stop: AbortSignal): Promise<number | null> {
    let offset = 0;
    let begun = ""; // a line that goes on in the next piece, and where it began
    let begun_at = 0;
    while (offset < FIND_MAX && !stop.aborted) {
      const got = await this.ask(offset, REQUEST_MAX, offset > 0);
      for (const p of got.pieces) {
        const goes_on = begun !== "" && begun_at + byte_length(begun) === p.from;
        const text = (goes_on ? begun : "") + (p.text ?? "");
        const at = goes_on ? begun_at : p.from;
        const found = ERROR.exec(text);
        if (found) return at + byte_length(text.slice(0, text.lastIndexOf("\n", found.index) + 1));
        const last = text.lastIndexOf("\n") + 1;
        begun = text.slice(last).slice(-LINE_MAX);
        begun_at = at + byte_length(text) - byte_length(begun);
      }
      const to = got.pieces[got.pieces.length - 1]?.to ?? offset;
      if (to <= offset || to >= got.size) return null;
      offset = to;
    }
    return null;
  }

  // `joins`: what comes continues what is there. Nothing from `until` on is taken.
  private async ask(offset: number, limit: number, joins: boolean, until = Infinity): Promise<Reply> {
    const query = { stream: this.stream, attempt: this.attempt, offset, limit };
    const reply = await send(path_of(this.base, query), { headers: { Accept: "application/octet-stream" } });
    const bytes = new Uint8Array(await reply.arrayBuffer());
    const at = header(reply, "Reeve-Offset") ?? Math.max(0, offset);
    const body = bytes.subarray(0, Math.max(0, until - at));
    const size = header(reply, "Reeve-Size") ?? at + body.length;
    const gap: Gap = [header(reply, "Reeve-Gap-Start") ?? 0, header(reply, "Reeve-Gap-End") ?? 0];
    const final = reply.headers.get("Reeve-Final") === "true";
    // A character cut off by the end of a complete log will not become whole.
    const last = final && at + body.length >= size;
    this.gap = gap[1] > gap[0] ? gap : null;
    return { pieces: cut(body, at, this.gap, joins && at === offset, last || until !== Infinity), size, final };
  }
}
