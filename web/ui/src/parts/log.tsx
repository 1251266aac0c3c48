// SPDX-License-Identifier: Apache-2.0
// log.tsx - what a task writes: its end first, growing, in colour, searchable; never the whole file.

import type { RefObject } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { bits_of, PLAIN, type Bit, type Pen } from "../ansi";
import { path_of, Problem, send } from "../api";
import { Command, Failure } from "./basic";
import { Icon } from "./icon";
import { save_file } from "../export";
import { bytes, visible_lines } from "../format";
import { use_keys } from "../keys";
import { LogTail, type Piece } from "../log_tail";
import { query, query_set } from "../router";
import { words } from "../strings";
import type { Stream } from "../types";

const DOWNLOAD_MAX = 32 * 1024 * 1024; // it is put together in memory
const DOWNLOAD_STEP = 256 * 1024;
const PLACES_MAX = 2000; // of a word that is looked for
const STREAMS: Stream[] = ["stdout", "stderr"];

interface LogProps {
  job: number;
  task: number;
  attempt: number;
  lost: boolean; // nobody knows how the attempt ended
}

const base_of = (p: LogProps) => `/v1/jobs/${p.job}/tasks/${p.task}/log`;

// The raw bytes, as a file. A plain link cannot carry the header that the API asks of a page.
async function download(p: LogProps, stream: Stream): Promise<void> {
  const parts: ArrayBuffer[] = [];
  let offset = 0;
  for (let more = true; more && offset < DOWNLOAD_MAX; ) {
    const reply = await send(path_of(base_of(p), { stream, attempt: p.attempt, offset, limit: DOWNLOAD_STEP }));
    const body = await reply.arrayBuffer();
    const at = Number(reply.headers.get("Reeve-Offset") ?? offset);
    parts.push(body);
    offset = at + body.byteLength;
    more = body.byteLength > 0 && offset < Number(reply.headers.get("Reeve-Size") ?? 0);
  }
  save_file(`${p.job}.${p.task}-${p.attempt}.${stream}`, parts, "application/octet-stream");
}

interface ToolsProps {
  tail: LogTail;
  props: LogProps;
  stream: Stream;
  wrap: boolean;
  set_wrap: (on: boolean) => void;
  raw: boolean;
  set_raw: (on: boolean) => void;
}

function Tools({ tail, props, stream, wrap, set_wrap, raw, set_raw }: ToolsProps) {
  const [state, set_state] = useState<"" | "busy">("");
  const [problem, set_problem] = useState<Problem | null>(null);
  const fetch_all = async () => {
    set_state("busy");
    try {
      await download(props, stream);
    } catch (reason) {
      set_problem(Problem.from(reason));
    }
    set_state("");
  };
  return (
    <>
      <div class="tools">
        <div class="tabs" role="group" aria-label={words.log}>
          {STREAMS.map((s) => (
            <button key={s} type="button" aria-pressed={s === stream} onClick={() => query_set({ stream: s === "stdout" ? null : s, at: null })}>
              {s}
            </button>
          ))}
        </div>
        {!tail.complete.value && (
          <label class="check">
            <input type="checkbox" checked={tail.following.value} onChange={(e) => tail.follow(e.currentTarget.checked)} />
            {words.log_follow}
          </label>
        )}
        <label class="check">
          <input type="checkbox" checked={wrap} onChange={(e) => set_wrap(e.currentTarget.checked)} />
          {words.log_wrap}
        </label>
        <label class="check" title={words.log_raw_help}>
          <input type="checkbox" checked={raw} onChange={(e) => set_raw(e.currentTarget.checked)} />
          {words.log_raw}
        </label>
        {tail.size.value > 0 &&
          (tail.size.value > DOWNLOAD_MAX ? (
            <span class="muted">{words.log_too_large(bytes(DOWNLOAD_MAX))}</span>
          ) : (
            <button type="button" class="quiet" disabled={state === "busy"} onClick={() => void fetch_all()}>
              <Icon name="down" />
              {state === "busy" ? words.log_downloading : words.log_download}
            </button>
          ))}
        <span class="muted grow end">
          {tail.size.value > 0 && words.log_pos(bytes(tail.from), bytes(tail.to), bytes(tail.size.value))}{" "}
          {tail.loaded.value && (tail.complete.value ? words.log_final : words.log_growing)}
        </span>
      </div>
      {problem && <Failure problem={problem} />}
    </>
  );
}

// Places of a word in the text of an element, as ranges; whatever elements it is spread over.
function places_of(box: HTMLElement, term: string): Range[] {
  const nodes: Text[] = [];
  const walk = document.createTreeWalker(box, NodeFilter.SHOW_TEXT);
  let all = "";
  const starts: number[] = [];
  for (let n = walk.nextNode() as Text | null; n; n = walk.nextNode() as Text | null) {
    nodes.push(n);
    starts.push(all.length);
    all += n.data;
  }
  const low = all.toLowerCase();
  const what = term.toLowerCase();
  const found: Range[] = [];
  let k = 0;
  const point = (at: number): [Text, number] => {
    while (k + 1 < nodes.length && starts[k + 1]! <= at) k++;
    return [nodes[k]!, at - starts[k]!];
  };
  for (let at = low.indexOf(what); at >= 0 && found.length < PLACES_MAX; at = low.indexOf(what, at + what.length)) {
    const range = document.createRange();
    range.setStart(...point(at));
    const [last, offset] = point(at + what.length - 1);
    range.setEnd(last, Math.min(last.length, offset + 1));
    found.push(range);
  }
  return found;
}

// Find a word in what is loaded. The marks are highlights of the browser: the text itself is not touched.
function Find({ box, version, stop_following }: { box: RefObject<HTMLElement | null>; version: unknown; stop_following: () => void }) {
  const [term, set_term] = useState("");
  const [found, set_found] = useState<Range[]>([]);
  const [at, set_at] = useState(0);
  const field = useRef<HTMLInputElement>(null);
  const can = typeof CSS !== "undefined" && "highlights" in CSS;
  use_keys([{ key: "/", what: words.key_search_log, act: () => field.current?.focus() }]);
  useEffect(() => {
    if (!can) return;
    const places = term.length >= 2 && box.current ? places_of(box.current, term) : [];
    set_found(places);
    if (places.length) CSS.highlights.set("found", new Highlight(...places));
    else CSS.highlights.delete("found");
    return () => void CSS.highlights.delete("found");
  }, [term, version]);
  const go_to = (i: number) => {
    const n = found.length;
    if (n === 0) return;
    const to = ((i % n) + n) % n;
    set_at(to);
    stop_following();
    const range = found[to]!;
    CSS.highlights.set("found-now", new Highlight(range));
    const pre = box.current!;
    const r = range.getBoundingClientRect();
    const p = pre.getBoundingClientRect();
    if (r.top < p.top || r.bottom > p.bottom) pre.scrollTop += r.top - p.top - pre.clientHeight / 2;
  };
  if (!can) return null;
  return (
    <form
      class="find"
      role="search"
      onSubmit={(e) => {
        e.preventDefault();
        go_to(at + 1);
      }}
    >
      <input
        ref={field}
        type="search"
        aria-label={words.log_find}
        placeholder={words.log_find}
        maxLength={100}
        spellcheck={false}
        value={term}
        onInput={(e) => {
          set_term(e.currentTarget.value);
          set_at(-1);
          CSS.highlights.delete("found-now");
        }}
      />
      {term.length >= 2 && (
        <>
          <button type="button" class="quiet" disabled={found.length === 0} onClick={() => go_to(at - 1)}>
            {words.find_back}
          </button>
          <button type="button" class="quiet" disabled={found.length === 0} onClick={() => go_to(at + 1)}>
            {words.find_next}
          </button>
          <span class="muted" aria-live="polite">
            {words.find_count(at + 1, found.length, found.length === PLACES_MAX)}
          </span>
        </>
      )}
    </form>
  );
}

interface Shown {
  pen: Pen;
  bits: Bit[];
  after: Pen;
}

// Pieces with their colours. A piece is worked out again only when the one before it ends in another colour.
function colours(pieces: Piece[], known: WeakMap<Piece, Shown>): Shown[] {
  let pen = PLAIN;
  return pieces.map((p) => {
    let s = known.get(p);
    if (!s || JSON.stringify(s.pen) !== JSON.stringify(pen)) {
      const { bits, pen: after } = bits_of(p.text ?? "", pen);
      s = { pen, bits, after };
      known.set(p, s);
    }
    pen = p.text === null ? PLAIN : s.after;
    return s;
  });
}

interface TextProps {
  tail: LogTail;
  wrap: boolean;
  raw: boolean;
  label: string;
  lost: boolean;
  box: RefObject<HTMLPreElement | null>;
}

// The text itself. It stays at its end while it is followed, and where the reader is otherwise.
function LogText({ tail, wrap, raw, label, lost, box }: TextProps) {
  const pieces = tail.pieces.value;
  const before = useRef({ first: -1, height: 0 });
  const [known] = useState(() => new WeakMap<Piece, Shown>());
  // A log that was complete when it came is as high as its text; one that grows has its room from the beginning.
  const fixed = useRef<boolean | null>(null);
  if (tail.loaded.value) fixed.current ??= !tail.final.value;
  useEffect(() => {
    const pre = box.current;
    if (!pre) return;
    const first = pieces[0]?.from ?? -1;
    if (tail.following.value) pre.scrollTop = pre.scrollHeight;
    else if (first < before.current.first) pre.scrollTop += pre.scrollHeight - before.current.height;
    before.current = { first, height: pre.scrollHeight };
  }, [pieces]);
  // Whoever scrolls up wants to read: following stops; back at the end it goes on.
  const on_scroll = () => {
    const pre = box.current;
    if (!pre || tail.final.value) return;
    const at_end = pre.scrollHeight - pre.scrollTop - pre.clientHeight < 40;
    if (at_end !== tail.following.value && pre.scrollHeight > pre.clientHeight) tail.follow(at_end);
  };
  if (!tail.loaded.value) return <p class="log none">{tail.problem.value ? (lost ? words.log_lost_attempt : words.log_unreadable) : words.log_loading}</p>;
  if (pieces.length === 0) return <p class="log none">{tail.final.value ? words.log_empty : words.log_empty_yet}</p>;
  const shown = raw ? null : colours(pieces, known);
  return (
    <pre class={`log ${wrap ? "wrap" : ""} ${fixed.current === false ? "short" : ""}`} ref={box} tabIndex={0} role="region" aria-label={label} onScroll={on_scroll}>
      {pieces.map((p, i) =>
        p.text === null ? (
          <span key={p.from} class="gap">
            {words.log_gap(bytes(p.to - p.from))}
            {"\n"}
          </span>
        ) : (
          <span key={p.from}>{shown ? shown[i]!.bits.map((b, k) => (b.look ? <span key={k} class={b.look}>{b.text}</span> : b.text)) : visible_lines(p.text)}</span>
        ),
      )}
    </pre>
  );
}

// The byte that the address names: a line of the log that somebody points at.
const byte_named = () => (/^\d{1,15}$/.test(query.value.get("at") ?? "") ? Number(query.value.get("at")) : null);

// How many characters of a piece stand before one of its bytes.
function characters_before(p: Piece, byte: number): number {
  return new TextDecoder().decode(new TextEncoder().encode(p.text ?? "").subarray(0, byte - p.from)).length;
}

// Mark the line that begins at `byte`, and bring it into sight. Only what is shown as it is has its bytes in place:
// escape sequences are not among the characters, so the line is found by its number in the piece.
function mark_line(pre: HTMLElement, pieces: Piece[], byte: number): void {
  const i = pieces.findIndex((p) => p.text !== null && p.from <= byte && byte < p.to);
  const p = pieces[i];
  const shown = pre.children[i];
  if (!p || !shown) return;
  const line = (p.text ?? "").slice(0, characters_before(p, byte)).split("\n").length - 1;
  const walk = document.createTreeWalker(shown, NodeFilter.SHOW_TEXT);
  let left = line;
  for (let n = walk.nextNode() as Text | null; n; n = walk.nextNode() as Text | null) {
    let from = 0;
    for (; left > 0; left--) {
      const next = n.data.indexOf("\n", from);
      if (next < 0) break;
      from = next + 1;
    }
    if (left > 0 || from >= n.data.length) continue;
    const range = document.createRange();
    const end = n.data.indexOf("\n", from);
    range.setStart(n, from);
    range.setEnd(n, end < 0 ? n.data.length : end);
    CSS.highlights?.set("found-now", new Highlight(range));
    pre.scrollTop += range.getBoundingClientRect().top - pre.getBoundingClientRect().top - pre.clientHeight / 3;
    return;
  }
}

// Where the line begins that a reader has selected or clicked into, as a byte of the log.
function byte_of_selection(pre: HTMLElement, pieces: Piece[]): number | null {
  const s = getSelection();
  if (!s || s.rangeCount === 0 || !pre.contains(s.anchorNode)) return null;
  const children = [...pre.children];
  const i = children.findIndex((c) => c.contains(s.anchorNode));
  const p = pieces[i];
  if (!p || p.text === null) return null;
  const before = document.createRange();
  before.setStart(children[i]!, 0);
  before.setEnd(s.anchorNode!, s.anchorOffset);
  const line = before.toString().split("\n").length - 1;
  const head = p.text.split("\n").slice(0, line).join("\n");
  return p.from + new TextEncoder().encode(head).length + (line > 0 ? 1 : 0);
}

// To the first line that looks like an error, wherever in the log it stands; and a link to the line one has clicked.
function Jumps({ tail, box, to }: { tail: LogTail; box: RefObject<HTMLPreElement | null>; to: (byte: number) => void }) {
  const [said, set_said] = useState("");
  const [busy, set_busy] = useState<AbortController | null>(null);
  useEffect(() => () => busy?.abort(), [busy]);
  const find = async () => {
    const stop = new AbortController();
    set_busy(stop);
    set_said(words.log_error_looking);
    try {
      const at = await tail.first_error(stop.signal);
      set_said(at === null ? words.log_error_none : "");
      if (at !== null) to(at);
    } catch (reason) {
      set_said(Problem.from(reason).title);
    }
    set_busy(null);
  };
  const link = () => {
    const at = box.current ? byte_of_selection(box.current, tail.pieces.value) : null;
    if (at === null) return set_said(words.log_link_how);
    query_set({ at: String(at) });
    void navigator.clipboard?.writeText(location.href).then(
      () => set_said(words.log_link_copied),
      () => set_said(words.log_link_there),
    );
    if (!navigator.clipboard) set_said(words.log_link_there);
  };
  return (
    <>
      <button type="button" class="quiet" disabled={busy !== null} onClick={() => void find()}>
        {words.log_errors}
      </button>
      <button type="button" class="quiet" onClick={link}>
        <Icon name="link" />
        {words.log_link}
      </button>
      <span class="muted small" aria-live="polite">
        {said}
      </span>
    </>
  );
}

function OneStream({ props, stream }: { props: LogProps; stream: Stream }) {
  const [tail] = useState(() => new LogTail(base_of(props), props.attempt, stream));
  const [wrap, set_wrap] = useState(true);
  const [raw, set_raw] = useState(false);
  const box = useRef<HTMLPreElement>(null);
  const named = byte_named();
  const marked = useRef<number | null>(null);
  const [, set_jumped] = useState(0);
  useEffect(() => tail.start(named === null), []);
  useEffect(() => {
    if (named !== null && (named < tail.from || named >= tail.to)) void tail.open_at(named);
  }, [named]);
  // The line is marked once it is there, and not again while the reader moves on.
  useEffect(() => {
    if (named === null || marked.current === named || !box.current || named < tail.from || named >= tail.to) return;
    marked.current = named;
    mark_line(box.current, tail.pieces.value, named);
  });
  use_keys(tail.final.value ? [] : [{ key: "f", what: words.key_follow, act: () => tail.follow(!tail.following.value) }]);
  const problem = tail.problem.value;
  return (
    <div class="log-box">
      <Tools tail={tail} props={props} stream={stream} wrap={wrap} set_wrap={set_wrap} raw={raw} set_raw={set_raw} />
      {tail.pieces.value.length > 0 && (
        <div class="find-line">
          <Find box={box} version={`${raw} ${tail.from} ${tail.to}`} stop_following={() => tail.follow(false)} />
          <Jumps
            tail={tail}
            box={box}
            to={(byte) => {
              marked.current = null;
              query_set({ at: String(byte) });
              set_jumped((n) => n + 1);
            }}
          />
        </div>
      )}
      {problem && <Failure problem={problem} />}
      {tail.from > 0 && (
        <button type="button" class="more" onClick={() => void tail.earlier()}>
          {words.log_earlier}
        </button>
      )}
      <LogText tail={tail} wrap={wrap} raw={raw} lost={props.lost} label={words.log_of(stream, String(props.attempt))} box={box} />
      {tail.to < tail.size.value && !tail.following.value && (
        <button type="button" class="more" onClick={() => void tail.later()}>
          {words.log_later}
        </button>
      )}
    </div>
  );
}

export function Log(props: LogProps) {
  const stream: Stream = query.value.get("stream") === "stderr" ? "stderr" : "stdout";
  return (
    <>
      <OneStream key={stream} props={props} stream={stream} />
      <Command line={`reeve logs ${props.job}.${props.task}${stream === "stderr" ? " --stderr" : ""}`} />
    </>
  );
}
