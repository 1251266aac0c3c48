// SPDX-License-Identifier: Apache-2.0
// palette.tsx - go anywhere and do anything by writing a few letters; and the sheet of all keys.

import { useEffect, useRef, useState } from "preact/hooks";
import { get, path_of } from "../api";
import { Modal } from "./dialog";
import { visible } from "../format";
import { keys_bound } from "../keys";
import { go } from "../router";
import { words } from "../strings";
import type { Job, Page, Site } from "../types";

export interface Entry {
  word: string;
  more?: string;
  act: () => void;
}

const FOUND_MAX = 12;
const SETTLE_MS = 180;

const fits = (entry: Entry, text: string) => {
  const low = `${entry.word} ${entry.more ?? ""}`.toLowerCase();
  return text.toLowerCase().split(/\s+/).every((part) => low.includes(part));
};

// What the server knows by that name: jobs by how they begin, sites by a part.
function use_search(text: string): Entry[] {
  const [found, set_found] = useState<{ text: string; entries: Entry[] }>({ text: "", entries: [] });
  useEffect(() => {
    const what = text.trim();
    if (!what) return;
    let wanted = true;
    const search = async () => {
      const number = /^\d{1,15}$/.test(what);
      const [jobs, sites] = await Promise.all([
        get<Page<Job>>(path_of("/v1/jobs", { ...(number ? { ids: what } : { name: `${what}*` }), limit: 6 })).catch(() => null),
        get<Page<Site>>("/v1/sites").catch(() => null),
      ]);
      const entries = [
        ...(jobs?.items ?? []).map((j): Entry => ({ word: `${j.id} ${visible(j.name, 60)}`, more: `${words.palette_job}, ${j.state}`, act: () => go(`/jobs/${j.id}`) })),
        ...(sites?.items ?? [])
          .filter((s) => s.name.toLowerCase().includes(what.toLowerCase()))
          .map((s): Entry => ({ word: visible(s.name, 64), more: `${words.palette_site}, ${s.health}`, act: () => go(`/sites/${encodeURIComponent(s.name)}`) })),
      ];
      if (wanted) set_found({ text: what, entries });
    };
    const timer = setTimeout(() => void search(), SETTLE_MS);
    return () => {
      wanted = false;
      clearTimeout(timer);
    };
  }, [text]);
  return found.text === text.trim() ? found.entries : [];
}

export function Palette({ entries, close }: { entries: Entry[]; close: () => void }) {
  const [text, set_text] = useState("");
  const [at, set_at] = useState(0);
  const list = useRef<HTMLUListElement>(null);
  const search = use_search(text);
  const shown = [...entries.filter((e) => fits(e, text)), ...search].slice(0, FOUND_MAX);
  const now = Math.min(at, Math.max(0, shown.length - 1));
  useEffect(() => {
    list.current?.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: "nearest" });
  }, [now]);
  const act = (e: Entry | undefined) => {
    if (!e) return;
    close();
    e.act();
  };
  const key = (e: KeyboardEvent) => {
    if (e.key === "ArrowDown") set_at((now + 1) % Math.max(1, shown.length));
    else if (e.key === "ArrowUp") set_at((now - 1 + shown.length) % Math.max(1, shown.length));
    else if (e.key === "Enter") act(shown[now]);
    else return;
    e.preventDefault();
  };
  return (
    <Modal title={<span class="unseen">{words.palette}</span>} close={close}>
      <input
        type="text"
        role="combobox"
        data-first
        aria-expanded
        aria-controls="palette-list"
        aria-activedescendant={shown.length ? `palette-${now}` : undefined}
        aria-label={words.palette}
        placeholder={words.palette_hint}
        autocomplete="off"
        spellcheck={false}
        maxLength={100}
        class="palette-input"
        value={text}
        onInput={(e) => {
          set_text(e.currentTarget.value);
          set_at(0);
        }}
        onKeyDown={key}
      />
      <ul id="palette-list" role="listbox" aria-label={words.palette} class="palette-list" ref={list}>
        {shown.map((e, i) => (
          <li key={`${e.word} ${e.more}`} id={`palette-${i}`} role="option" aria-selected={i === now} onClick={() => act(e)}>
            <bdi>{e.word}</bdi>
            {e.more && <span class="muted">{e.more}</span>}
          </li>
        ))}
      </ul>
      {shown.length === 0 && <p class="muted">{words.palette_none}</p>}
    </Modal>
  );
}

export function KeySheet({ close }: { close: () => void }) {
  // As they were when the sheet was opened: of several for one key the newest acts.
  const [keys] = useState(() => [...new Map(keys_bound().reverse().map((k) => [k.key, k])).values()]);
  return (
    <Modal title={words.keys} close={close}>
      <dl class="keys">
        {keys.map((k) => (
          <div key={k.key}>
            <dt>
              {k.key.split(/[ +]/).map((part) => (
                <kbd key={part}>{part}</kbd>
              ))}
            </dt>
            <dd>{k.what}</dd>
          </div>
        ))}
      </dl>
      <p class="muted">{words.keys_tab}</p>
      <div class="buttons">
        <button type="button" data-first onClick={close}>
          {words.close}
        </button>
      </div>
    </Modal>
  );
}
