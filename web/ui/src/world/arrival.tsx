// SPDX-License-Identifier: Apache-2.0
// arrival.tsx - files on their way into the grid: chosen, sent, moved to their site; and how to go on after a break.

import { useEffect, useRef, useState } from "preact/hooks";
import { Badge, Command, Failure, Notice, Section, Text } from "../parts/basic";
import { Ask } from "../parts/dialog";
import { bytes, count, seconds, shell_word } from "../format";
import { Link } from "../router";
import { Until } from "./datasets";
import { may_write } from "./may";
import { sender_of, sender_start, type Chosen, type Sender } from "./sender";
import type { DataOne } from "./types";
import { w } from "./words";

// Folders keep the paths of their files below the folder.
export const chosen_of = (list: FileList): Chosen[] => [...list].map((file) => ({ path: file.webkitRelativePath || file.name, file }));

export function Choose({ chosen, set }: { chosen: Chosen[]; set: (c: Chosen[]) => void }) {
  const [over, set_over] = useState(false);
  const folder = useRef<HTMLInputElement>(null);
  const size = chosen.reduce((n, c) => n + c.file.size, 0);
  const add = (list: FileList | null | undefined) => {
    if (!list) return;
    const by_path = new Map([...chosen, ...chosen_of(list)].map((c) => [c.path, c]));
    set([...by_path.values()]);
  };
  return (
    <div
      class={`drop ${over ? "over" : ""}`}
      onDragOver={(e) => (e.preventDefault(), set_over(true))}
      onDragLeave={() => set_over(false)}
      onDrop={(e) => {
        e.preventDefault();
        set_over(false);
        add(e.dataTransfer?.files);
      }}
    >
      <label class="field">
        <span>{w.choose_files}</span>
        <input type="file" multiple onChange={(e) => add(e.currentTarget.files)} />
      </label>
      <label class="field">
        <span>{w.choose_folder}</span>
        <input type="file" multiple ref={(el) => { folder.current = el; el?.setAttribute("webkitdirectory", ""); }} onChange={(e) => add(e.currentTarget.files)} />
      </label>
      <p class="muted" aria-live="polite">
        {chosen.length ? w.chosen(count(chosen.length), bytes(size)) : w.choose_hint}
        {chosen.length > 0 && (
          <button type="button" class="quiet" onClick={() => set([])}>
            {w.choose_clear}
          </button>
        )}
      </p>
    </div>
  );
}

// How the sending from this tab goes.
function Sending({ of: s }: { of: Sender }) {
  const p = s.progress.value;
  const rest = p.rate > 0 ? (p.total - p.sent) / p.rate : null;
  return (
    <div class="sending">
      <progress value={p.sent} max={Math.max(1, p.total)} aria-label={w.sending} />
      <p>
        <b>{w.sent(bytes(p.sent), bytes(p.total))}</b> · {w.sent_files(count(p.files_done), count(p.files))}
        {p.state === "sending" && p.rate > 0 && ` · ${w.rate(bytes(p.rate))}`}
        {p.state === "sending" && rest !== null && rest > 0 && ` · ${w.left(seconds(rest))}`}
      </p>
      {p.state === "sending" && p.now && (
        <p class="muted">
          <Text of={p.now} max={120} />
        </p>
      )}
      {p.problem && <Failure problem={p.problem} />}
      <div class="under-acts">
        {p.state === "sending" && (
          <button type="button" onClick={() => s.pause()}>
            {w.send_pause}
          </button>
        )}
        {(p.state === "paused" || p.state === "failed") && (
          <button type="button" class="primary" onClick={() => void s.run(true)}>
            {w.send_on}
          </button>
        )}
      </div>
    </div>
  );
}

const looks = { filling: ["down", "busy"], waiting: ["clock", "calm"], moving: ["down", "busy"], failed: ["cross", "bad"] } as const;

export function ArrivalSaid({ of: d, changed }: { of: DataOne; changed: () => void }) {
  const a = d.arrival!;
  const [chosen, set_chosen] = useState<Chosen[]>([]);
  const [started, set_started] = useState(0);
  const [seal, set_seal] = useState(false);
  const sender = sender_of(d.name);
  const sent = sender?.progress.value.state === "done";
  useEffect(() => {
    if (sent) changed();
  }, [sent]);
  const [icon, tone] = looks[a.state] ?? looks.waiting;
  const moved = a.kind === "upload" && a.state === "filling" ? a.received_bytes : a.moved_bytes;
  return (
    <Section
      id="arrival"
      title={w.arrival}
      aside={
        <Badge icon={icon} tone={tone}>
          {w.arrival_states[a.state] ?? a.state}
        </Badge>
      }
    >
      {a.message && (
        <Notice tone={a.state === "failed" ? "bad" : "warn"} icon="warn" title={<Text of={a.message} max={500} />}>
          {a.state === "failed" && <p>{w.arrival_failed_fix}</p>}
        </Notice>
      )}
      {sender && sender.progress.value.state !== "done" ? (
        <Sending of={sender} />
      ) : (
        <div class="sending" data-started={started}>
          <progress value={moved} max={Math.max(1, a.bytes)} aria-label={w.arrival} />
          <p>
            {w.sent(bytes(moved), bytes(a.bytes))} · {w.sent_files(count(a.received_files), count(a.files))}
            {a.site && (
              <>
                {" · "}
                {w.arrival_to} <Text of={a.site} max={64} />
              </>
            )}
            {a.transfer && (
              <>
                {" · "}
                <Link to={`/transfers?dataset=${encodeURIComponent(d.name)}`}>{w.transfer_no(a.transfer)}</Link>
              </>
            )}
          </p>
          {a.expires_at && (
            <p class="muted">
              {w.arrival_expires} <Until at={a.expires_at} />
            </p>
          )}
          {a.kind === "upload" && a.state === "filling" && may_write() && (
            <>
              <p class="muted">{w.resume_lead}</p>
              <Choose chosen={chosen} set={set_chosen} />
              <div class="under-acts">
                <button
                  type="button"
                  class="primary"
                  disabled={chosen.length === 0}
                  onClick={() => {
                    sender_start(d.name, chosen);
                    set_started(started + 1);
                  }}
                >
                  {w.send_on}
                </button>
                <button type="button" onClick={() => set_seal(true)}>
                  {w.seal}
                </button>
              </div>
              <Command line={`reeve data put ${shell_word(d.name)} FILE...`} />
            </>
          )}
          {a.state === "failed" && may_write() && (
            <div class="under-acts">
              <button type="button" class="primary" onClick={() => set_seal(true)}>
                {w.try_again}
              </button>
            </div>
          )}
        </div>
      )}
      {seal && (
        <Ask
          of={{ title: w.seal_title, text: <p>{w.seal_text}</p>, yes: w.seal_yes, call: { method: "POST", path: `/v1/datasets/${encodeURIComponent(d.name)}/seal`, body: {} }, done: () => w.seal_done }}
          close={(acted) => {
            set_seal(false);
            if (acted) changed();
          }}
        />
      )}
    </Section>
  );
}
