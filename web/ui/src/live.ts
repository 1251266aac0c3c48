// SPDX-License-Identifier: Apache-2.0
// live.ts - keep one resource fresh, and be honest about how fresh it is.
//
// A Watch asks for its resource with the ETag it has: when the stream of changes (stream.ts) says that one of its topics
// changed, and without a stream by long polls (?wait=), which the server answers when something changed. One Watch
// per page runs at a time and owns `link`, what the badge in the header shows. Rules:
//   - a hidden tab asks nothing, nor does one that the reader paused; afterwards it asks at once
//   - never more than one request a second, whatever the server does
//   - after a failure the next try waits 1 s, 2 s, 4 s ... 30 s with jitter; clocks on the page stand still meanwhile

import { effect, signal, type Signal } from "@preact/signals";
import { me, Problem, send } from "./api";
import { listen, streaming } from "./stream";

const WAIT_S = 30;
const PACE_MS = 1000; // protects the server from a page that follows a very busy grid
const WHOLE_MS = 60_000; // what moves without counting as a change (the engine's figures) is asked for this often
const ANSWER_MS = (WAIT_S + 15) * 1000; // a silent network looks like a long poll; past this it is broken
const BACKOFF_MAX_MS = 30_000;

export type Link =
  | { state: "idle" } // nothing on the page changes by itself
  | { state: "connecting" }
  | { state: "live" }
  | { state: "paused" }
  | { state: "retrying"; since: number; at: number };

export const link = signal<Link>({ state: "connecting" });

// The reader stopped the page from changing.
export const paused = signal(false);

// The server's time, as far as we know it: milliseconds to add to ours. `tick` moves once a second while live.
export const tick = signal(Date.now());
let clock_offset = 0;

export function clock_set(server_time: string): void {
  const ms = Date.parse(server_time);
  if (Number.isFinite(ms)) clock_offset = ms - Date.now();
}

setInterval(() => {
  if (link.value.state === "live" && !document.hidden) tick.value = Date.now() + clock_offset;
}, 1000);

function sleep(ms: number, abort: AbortSignal): Promise<void> {
  return new Promise((done) => {
    const timer = setTimeout(done, ms);
    abort.addEventListener("abort", () => (clearTimeout(timer), done()), { once: true });
  });
}

const resting = () => document.hidden || paused.value;

function until_wanted(abort: AbortSignal): Promise<void> {
  return new Promise((done) => {
    let unsubscribe = () => {};
    const look = () => {
      if (resting() && !abort.aborted) return;
      document.removeEventListener("visibilitychange", look);
      // The first call comes from inside subscribe.
      queueMicrotask(() => unsubscribe());
      done();
    };
    document.addEventListener("visibilitychange", look);
    abort.addEventListener("abort", look, { once: true });
    unsubscribe = paused.subscribe(look);
  });
}

export class Watch<T> {
  readonly data: Signal<T | null> = signal(null);
  readonly problem: Signal<Problem | null> = signal(null);
  private etag: string | null = null;
  private failures = 0;
  // The last thing asked was answered. Otherwise the next request does not wait for a change: how things stand is news.
  private settled = false;
  private stopper = new AbortController();
  // Ends what the loop is doing at the moment, a request or a rest, so that it looks around at once.
  private interrupt: () => void = () => {};
  private fresh_at = Date.now();
  private whole_at = 0;
  // The stream told of a change since the last request.
  private told = false;
  private streamed = false; // how the last request was made
  private again = false; // somebody waits for the next one

  constructor(
    private readonly path: string,
    private readonly topics: string[],
    private readonly on_data: (data: T) => void = () => {},
  ) {}

  start(): () => void {
    const hide = () => resting() && this.interrupt();
    document.addEventListener("visibilitychange", hide);
    const unsubscribe = paused.subscribe(hide);
    const unlisten = listen(this.topics, () => {
      this.told = true;
      if (this.streamed) this.interrupt();
    });
    // A long poll that hangs is not needed once there is a stream; and when the stream ends one is.
    const unstream = streaming.subscribe((now) => {
      if (now !== this.streamed) this.interrupt();
    });
    link.value = { state: "connecting" };
    void this.run(this.stopper.signal);
    return () => {
      document.removeEventListener("visibilitychange", hide);
      unsubscribe();
      unlisten();
      unstream();
      this.stopper.abort();
      this.interrupt();
    };
  }

  // Ask again now, without waiting for a change: after an action of the user.
  refresh(): void {
    this.etag = null;
    this.again = true;
    this.interrupt();
  }

  private async run(stop: AbortSignal): Promise<void> {
    while (!stop.aborted && me.value) {
      if (resting()) {
        link.value = { state: "paused" };
        this.settled = false;
        await until_wanted(stop);
        continue;
      }
      const began = Date.now();
      this.told = this.again = false;
      this.streamed = streaming.value;
      const pause = await this.ask();
      if (pause === null) return;
      if (stop.aborted || resting()) continue;
      await this.rest(Math.max(pause, PACE_MS - (Date.now() - began)), false);
      if (stop.aborted || resting()) continue;
      if (this.streamed && streaming.value && this.settled && !this.told && !this.again) await this.rest(WHOLE_MS, true);
    }
  }

  // `early`: a change ends it. The pace between two requests is kept in any case, but not for somebody who waits.
  private async rest(ms: number, early: boolean): Promise<void> {
    if (ms <= 0) return;
    const abort = new AbortController();
    this.interrupt = () => {
      if (early || this.again || !this.told || resting() || this.stopper.signal.aborted) abort.abort();
    };
    await sleep(ms, abort.signal);
  }

  // One request. Returns how long to wait before the next one, or null when there is nothing more to ask.
  private async ask(): Promise<number | null> {
    const abort = new AbortController();
    if (this.streamed && Date.now() - this.whole_at > WHOLE_MS) this.etag = null;
    const waits = this.etag !== null && this.settled && !this.streamed;
    const timer = setTimeout(() => abort.abort(), waits ? ANSWER_MS : 15_000);
    let broken = true;
    this.interrupt = () => {
      if (!waits && !this.again && !resting() && !this.stopper.signal.aborted) return; // its answer comes at once
      broken = false;
      abort.abort();
    };
    try {
      const began = Date.now();
      const waiting = waits ? `${this.path.includes("?") ? "&" : "?"}wait=${WAIT_S}` : "";
      const reply = await send(this.path + waiting, { etag: this.etag, signal: abort.signal });
      if (reply.status !== 304) {
        const data = (await reply.json()) as T;
        if (this.stopper.signal.aborted) return null;
        this.etag = reply.headers.get("ETag");
        this.whole_at = Date.now();
        this.data.value = data;
        this.on_data(data);
      } else if (!this.streamed) {
        // Some of it moves without counting as a change (the engine's figures): now and then it is asked for as a whole.
        this.etag = null;
      }
      this.answered();
      // A server that does not hold answers back must not be asked in a circle.
      const held = !waits || reply.status !== 304 || Date.now() - began > 2000;
      return held ? 0 : 2000;
    } catch (reason) {
      if (!broken) return 0;
      return this.failed(Problem.from(reason));
    } finally {
      clearTimeout(timer);
    }
  }

  private answered(): void {
    this.failures = 0;
    this.settled = true;
    this.fresh_at = Date.now();
    this.problem.value = null;
    link.value = { state: "live" };
    tick.value = Date.now() + clock_offset;
  }

  private failed(problem: Problem): number | null {
    this.problem.value = problem;
    this.settled = false;
    if (problem.status === 401 || problem.status === 403 || problem.status === 404) return null;
    const delay = Math.min(1000 * 2 ** this.failures++, BACKOFF_MAX_MS) * (0.6 + 0.4 * Math.random());
    link.value = { state: "retrying", since: this.fresh_at, at: Date.now() + delay };
    return delay;
  }
}

// Seconds until the next try, for the badge; runs only while there is something to count.
export const retry_in = signal(0);
effect(() => {
  const now = link.value;
  if (now.state !== "retrying") return;
  const count = () => (retry_in.value = Math.max(0, Math.ceil((now.at - Date.now()) / 1000)));
  count();
  const timer = setInterval(count, 1000);
  return () => clearInterval(timer);
});
