// SPDX-License-Identifier: Apache-2.0
// stream.ts - one stream of changes (GET /v1/stream) for all tabs of a browser, as far as browsers let tabs share.
//
// HTTP/1.1 allows a browser six connections to a server, so tabs must not hold one each. The tab that gets the lock
// "reeve-stream" leads: it reads the stream for the topics of all tabs and passes on what it reads over the channel
// of the same name. Only tabs that are looked at take part; a hidden one gives the lead away. Where there are no
// locks (plain HTTP to another machine) a tab reads for itself alone, while it is shown.
//
//   want {tab, topics}   a tab says what it looks at; [] when it goes. Again every ANNOUNCE_MS, and when asked
//   ask                  a new leader asks everybody to say it
//   told {topic}         something about the topic changed; "*" for everything
//   state {live}         the stream works, or does not
//
// The stream is read by fetch and not by EventSource: heartbeats are seen (a silent network is told from a quiet
// grid), and so is the status of a refusal. Whoever cannot stream falls back to long polls (live.ts).

import { signal } from "@preact/signals";
import { me } from "./api";

const NAME = "reeve-stream";
const ANNOUNCE_MS = 20_000;
const FORGET_MS = 50_000;
const SILENCE_MS = 40_000; // the server sends a heartbeat every 15 s
const SETTLE_MS = 150; // topics of a page come one after the other
const RETRY_MIN_MS = 1000;
const RETRY_MAX_MS = 30_000;
const ABSENT_MS = 120_000; // how long a server that has no stream is left alone
const LINE_MAX = 65_536;

// The stream is being read, here or by another tab: nobody needs to poll.
export const streaming = signal(false);

type Listener = { topics: string[]; told: () => void };
type Message =
  | { kind: "want"; tab: string; topics: string[] }
  | { kind: "ask" }
  | { kind: "told"; topic: string }
  | { kind: "state"; live: boolean };

const tab = Array.from(crypto.getRandomValues(new Uint8Array(8)), (b) => b.toString(16)).join("");
const channel = typeof BroadcastChannel === "function" ? new BroadcastChannel(NAME) : null;
const listeners = new Set<Listener>();
const others = new Map<string, { topics: string[]; at: number }>();
let leading = false;
let reader: Reader | null = null;
let last_id = "";

const own_topics = () => [...new Set([...listeners].flatMap((l) => l.topics))].sort();

function tell(topic: string): void {
  for (const l of listeners) if (topic === "*" || l.topics.includes(topic)) l.told();
}

function say(message: Message): void {
  channel?.postMessage(message);
}

// ---- reading ----

// Lines of server-sent events, as they come in pieces. Pure but for the callbacks.
export class Lines {
  private rest = "";
  private event = "";
  private data = "";
  private id = "";

  constructor(private readonly on_event: (event: string, data: string, id: string) => void) {}

  feed(text: string): void {
    const lines = (this.rest + text).split("\n");
    this.rest = lines.pop() ?? "";
    if (this.rest.length > LINE_MAX) throw new Error("a line of the stream is too long");
    for (const line of lines) this.line(line.endsWith("\r") ? line.slice(0, -1) : line);
  }

  private line(line: string): void {
    if (line === "") {
      if (this.event) this.on_event(this.event, this.data, this.id);
      this.event = this.data = "";
      return;
    }
    const colon = line.indexOf(":");
    if (colon === 0) return;
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (name === "event") this.event = value;
    else if (name === "data") this.data += value;
    else if (name === "id") this.id = value;
  }
}

class Reader {
  private abort = new AbortController();
  private failures = 0;

  constructor(readonly topics: string[]) {
    void this.run();
  }

  stop(): void {
    this.abort.abort();
  }

  private async run(): Promise<void> {
    while (!this.abort.signal.aborted && me.value) {
      const pause = await this.read();
      if (this.abort.signal.aborted) return;
      live_set(false);
      await new Promise((done) => setTimeout(done, pause));
    }
  }

  // Read until it breaks. Returns how long to leave it alone.
  private async read(): Promise<number> {
    const stop = new AbortController();
    const on_abort = () => stop.abort();
    this.abort.signal.addEventListener("abort", on_abort);
    let timer: ReturnType<typeof setTimeout> | undefined;
    const alive = () => {
      clearTimeout(timer);
      timer = setTimeout(() => stop.abort(), SILENCE_MS);
    };
    try {
      alive();
      const headers: Record<string, string> = { "X-Reeve-Csrf": "1", Accept: "text/event-stream" };
      if (last_id) headers["Last-Event-ID"] = last_id;
      const reply = await fetch(`/v1/stream?topics=${encodeURIComponent(this.topics.join(","))}`, {
        headers, cache: "no-store", credentials: "same-origin", signal: stop.signal,
      });
      if (!reply.ok || !reply.body || !reply.headers.get("Content-Type")?.startsWith("text/event-stream")) {
        await reply.body?.cancel();
        // 429: as many as there may be; one that has just been closed may still be counted.
        return reply.status === 503 || reply.status === 429 ? this.backoff() : ABSENT_MS;
      }
      const lines = new Lines((event, data, id) => this.happened(event, data, id));
      const decoder = new TextDecoder();
      const body = reply.body.getReader();
      for (;;) {
        const { done, value } = await body.read();
        if (done) return this.backoff();
        alive();
        lines.feed(decoder.decode(value, { stream: true }));
      }
    } catch {
      return this.backoff();
    } finally {
      clearTimeout(timer);
      stop.abort();
      this.abort.signal.removeEventListener("abort", on_abort);
    }
  }

  private happened(event: string, data: string, id: string): void {
    if (id) last_id = id;
    if (event === "ready") {
      this.failures = 0;
      live_set(true);
      return;
    }
    const topic = event === "happened" ? "events" : event === "change" ? topic_of(data) : event === "reset" ? "*" : null;
    if (topic === null) return;
    tell(topic);
    say({ kind: "told", topic });
  }

  private backoff(): number {
    return Math.min(RETRY_MIN_MS * 2 ** this.failures++, RETRY_MAX_MS) * (0.6 + 0.4 * Math.random());
  }
}

function topic_of(data: string): string | null {
  try {
    const topic = (JSON.parse(data) as { topic?: unknown }).topic;
    return typeof topic === "string" ? topic : null;
  } catch {
    return null;
  }
}

function live_set(live: boolean): void {
  // What happened while nobody read is not known: everything is asked again.
  if (live && !streaming.value) {
    tell("*");
    say({ kind: "told", topic: "*" });
  }
  streaming.value = live;
  say({ kind: "state", live });
}

// ---- leading ----

let settle: ReturnType<typeof setTimeout> | undefined;

function topics_changed(): void {
  say({ kind: "want", tab, topics: own_topics() });
  if (!leading) return;
  clearTimeout(settle);
  settle = setTimeout(read_for_all, SETTLE_MS);
}

function read_for_all(): void {
  if (!leading) return;
  const fresh = Date.now() - FORGET_MS;
  for (const [name, o] of others) if (o.at < fresh) others.delete(name);
  const topics = [...new Set([...own_topics(), ...[...others.values()].flatMap((o) => o.topics)])].sort().slice(0, 100);
  if (reader && reader.topics.join() === topics.join()) return;
  reader?.stop();
  reader = topics.length ? new Reader(topics) : null;
  if (!reader) live_set(false);
}

// Lead until `end` is called.
function lead(): () => void {
  leading = true;
  say({ kind: "ask" });
  topics_changed();
  return () => {
    leading = false;
    reader?.stop();
    reader = null;
    clearTimeout(settle);
    if (streaming.value) live_set(false);
  };
}

let leave: (() => void) | null = null; // gives up the lead, or the wait for it

function take_part(): void {
  if (leave || listeners.size === 0 || document.hidden || !me.value) return;
  if (!navigator.locks || !channel) {
    leave = lead();
    return;
  }
  const abort = new AbortController();
  let give_up: (() => void) | null = null;
  leave = () => {
    abort.abort();
    give_up?.();
  };
  void navigator.locks
    .request(NAME, { signal: abort.signal }, () => {
      if (abort.signal.aborted) return;
      const end = lead();
      return new Promise<void>((done) => {
        give_up = () => (end(), done());
      });
    })
    .catch(() => {}); // given up while waiting
}

function part(): void {
  leave?.();
  leave = null;
  streaming.value = false;
  say({ kind: "want", tab, topics: [] });
}

channel?.addEventListener("message", (e: MessageEvent<Message>) => {
  const m = e.data;
  if (m.kind === "want") {
    if (m.topics.length) others.set(m.tab, { topics: m.topics, at: Date.now() });
    else others.delete(m.tab);
    if (leading) {
      clearTimeout(settle);
      settle = setTimeout(read_for_all, SETTLE_MS);
      say({ kind: "state", live: streaming.value });
    }
  } else if (m.kind === "ask") {
    if (listeners.size && !document.hidden) say({ kind: "want", tab, topics: own_topics() });
  } else if (!leading && !document.hidden) {
    if (m.kind === "told") tell(m.topic);
    else streaming.value = m.live;
  }
});
document.addEventListener("visibilitychange", () => (document.hidden ? part() : take_part()));
addEventListener("pagehide", part);
addEventListener("pageshow", take_part);
me.subscribe((who) => (who ? take_part() : part()));
setInterval(() => {
  if (listeners.size && !document.hidden) say({ kind: "want", tab, topics: own_topics() });
}, ANNOUNCE_MS);

// Hear of changes of topics. `told` may be called often, and also when nothing changed. Returns how to stop.
export function listen(topics: string[], told: () => void): () => void {
  const l = { topics, told };
  listeners.add(l);
  take_part();
  topics_changed();
  return () => {
    listeners.delete(l);
    topics_changed();
    // The next page listens in a moment.
    setTimeout(() => listeners.size === 0 && part(), 1000);
  };
}
