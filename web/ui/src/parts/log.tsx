// SPDX-License-Identifier: Apache-2.0
import { useEffect, useRef, useState } from "preact/hooks";
import { path_of, Problem, send } from "../api";
import { Command, Failure } from "./basic";
import { Icon } from "./icon";
import { bytes } from "../format";
import { LogTail } from "../log_tail";
import { query, query_set } from "../router";
import { words } from "../strings";
import type { Stream } from "../types";

const DOWNLOAD_MAX = 32 * 1024 * 1024; // it is put together in memory
const DOWNLOAD_STEP = 256 * 1024;
const STREAMS: Stream[] = ["stdout", "stderr"];

interface LogProps {
  job: number;
  task: number;
  attempt: number;
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
  const url = URL.createObjectURL(new Blob(parts, { type: "application/octet-stream" }));
  const a = document.createElement("a");
  a.href = url;
  a.download = `${p.job}.${p.task}-${p.attempt}.${stream}`;
  a.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

function Tools({ tail, props, stream, wrap, set_wrap }: { tail: LogTail; props: LogProps; stream: Stream; wrap: boolean; set_wrap: (on: boolean) => void }) {
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
            <button key={s} type="button" aria-pressed={s === stream} onClick={() => query_set({ stream: s === "stdout" ? null : s })}>
              {s}
            </button>
          ))}
        </div>
        {!tail.final.value && (
          <label class="check">
            <input type="checkbox" checked={tail.following.value} onChange={(e) => tail.follow(e.currentTarget.checked)} />
            {words.log_follow}
          </label>
        )}
        <label class="check">
          <input type="checkbox" checked={wrap} onChange={(e) => set_wrap(e.currentTarget.checked)} />
          {words.log_wrap}
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
          {tail.loaded.value && (tail.final.value ? words.log_final : words.log_growing)}
        </span>
      </div>
      {problem && <Failure problem={problem} />}
    </>
  );
}

// The text itself. It stays at its end while it is followed, and where the reader is otherwise.
function Text({ tail, wrap, label }: { tail: LogTail; wrap: boolean; label: string }) {
  const box = useRef<HTMLPreElement>(null);
  const pieces = tail.pieces.value;
  const before = useRef({ first: -1, height: 0 });
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
  if (tail.loaded.value && pieces.length === 0) return <p class="log none">{tail.final.value ? words.log_empty : words.log_empty_yet}</p>;
  return (
    <pre class={`log ${wrap ? "wrap" : ""} ${fixed.current === false ? "short" : ""}`} ref={box} tabIndex={0} role="region" aria-label={label} onScroll={on_scroll}>
      {pieces.map((p) =>
        p.text === null ? (
          <span key={p.from} class="gap">
            {words.log_gap(bytes(p.to - p.from))}
            {"\n"}
          </span>
        ) : (
          <span key={p.from}>{p.text}</span>
        ),
      )}
    </pre>
  );
}

function OneStream({ props, stream }: { props: LogProps; stream: Stream }) {
  const [tail] = useState(() => new LogTail(base_of(props), props.attempt, stream));
  const [wrap, set_wrap] = useState(true);
  useEffect(() => tail.start(), []);
  const problem = tail.problem.value;
  return (
    <div class="log-box">
      <Tools tail={tail} props={props} stream={stream} wrap={wrap} set_wrap={set_wrap} />
      {problem && <Failure problem={problem} />}
      {tail.from > 0 && (
        <button type="button" class="more" onClick={() => void tail.earlier()}>
          {words.log_earlier}
        </button>
      )}
      <Text tail={tail} wrap={wrap} label={words.log_of(stream, String(props.attempt))} />
    </div>
  );
}

export function Log(props: LogProps) {
  const stream: Stream = query.value.get("stream") === "stderr" ? "stderr" : "stdout";
  return (
    <>
      <h3>{words.log}</h3>
      <OneStream key={stream} props={props} stream={stream} />
      <Command line={`reeve logs ${props.job}.${props.task}${stream === "stderr" ? " --stderr" : ""}`} />
    </>
  );
}
