// SPDX-License-Identifier: Apache-2.0
// query_bar.tsx - the filter of a list of jobs: a line to write, and the states to click.

import type { RefObject } from "preact";
import { useState } from "preact/hooks";
import { me } from "../api";
import { Icon } from "./icon";
import { visible } from "../format";
import { filter_parse, filter_text, NAMES, STATES, type Filter } from "../jobs_filter";
import { look_of } from "../states";
import { words } from "../strings";

interface BarProps {
  seen: Seen;
  filter: Filter;
  set: (f: Filter) => void;
  input: RefObject<HTMLInputElement | null>;
}

const OFFERED_MAX = 8;
const AGES = ["1h", "6h", "1d", "7d", "30d"];

// What the word that is being written could become; `seen` are values that jobs have.
function offers_for(text: string, seen: Seen): { from: number; words: string[] } {
  const from = text.search(/\S*$/);
  const word = text.slice(from);
  const m = /^(state:|project:|user:|site:|name:|age[<>])(.*)$/i.exec(word);
  const values: Record<string, string[]> = { "state:": STATES, "project:": seen.project, "user:": seen.user, "site:": seen.site, "name:": seen.name, "age<": AGES, "age>": AGES };
  const all = m ? (values[m[1]!.toLowerCase()] ?? []).map((v) => (/\s/.test(v) ? `"${m[1]}${v}"` : m[1] + v)) : word === "" ? [] : NAMES;
  return { from, words: all.filter((w) => w.toLowerCase().startsWith(word.toLowerCase()) && w !== word).slice(0, OFFERED_MAX) };
}

export interface Seen {
  project: string[];
  user: string[];
  site: string[];
  name: string[];
}

interface OffersProps {
  words: string[];
  at: number;
  take: (word: string) => void;
}

function Offers({ words: offered, at, take }: OffersProps) {
  return (
    <ul class="offers" id="query-offers" role="listbox" aria-label={words.query_offers}>
      {offered.map((o, i) => (
        <li key={o} id={`query-offer-${i}`} role="option" aria-selected={i === at} onPointerDown={(e) => (e.preventDefault(), take(o))}>
          {visible(o, 80)}
        </li>
      ))}
    </ul>
  );
}

export function QueryBar({ filter, seen, set, input }: BarProps) {
  const now = filter_text(filter);
  const [shown, set_shown] = useState(now);
  const [text, set_text] = useState(now);
  // The address changed under the line: Back, a click on a state.
  if (shown !== now) {
    set_shown(now);
    set_text(now);
  }
  const [open, set_open] = useState(false);
  const [at, set_at] = useState(-1);
  const parsed = filter_parse(text);
  const offers = open ? offers_for(text, seen) : { from: 0, words: [] };
  const take = (word: string) => {
    const next = text.slice(0, offers.from) + word + (/[:<>]$/.test(word) ? "" : " ");
    set_text(next);
    set_at(-1);
    input.current?.focus();
  };
  const key = (e: KeyboardEvent) => {
    const n = offers.words.length;
    if (n === 0) return;
    if (e.key === "ArrowDown" || e.key === "ArrowUp") {
      e.preventDefault();
      set_at((at + (e.key === "ArrowDown" ? 1 : -1) + n + (at < 0 && e.key === "ArrowUp" ? 1 : 0)) % n);
    } else if ((e.key === "Enter" && at >= 0) || (e.key === "Tab" && !e.shiftKey && at >= 0)) {
      e.preventDefault();
      take(offers.words[Math.min(at, n - 1)]!);
    } else if (e.key === "Escape") {
      e.preventDefault();
      set_open(false);
    }
  };
  const wrong = parsed.errors.slice(0, 3);
  const search = (e: SubmitEvent) => {
    e.preventDefault();
    set_open(false);
    if (parsed.errors.length === 0) set(parsed.filter);
  };
  const own = me.value?.name ?? "";
  const mine = filter.user === own;
  return (
    <div class="query">
      <form role="search" onSubmit={search}>
        <label class="unseen" for="query">
          {words.query_label}
        </label>
        <div class="query-line">
          <Icon name="search" />
          <input
            id="query"
            ref={input}
            type="text"
            role="combobox"
            aria-expanded={offers.words.length > 0}
            aria-controls="query-offers"
            aria-autocomplete="list"
            aria-activedescendant={at >= 0 && offers.words.length > 0 ? `query-offer-${Math.min(at, offers.words.length - 1)}` : undefined}
            onKeyDown={key}
            onBlur={() => set_open(false)}
            spellcheck={false}
            autocomplete="off"
            maxLength={500}
            placeholder={words.query_hint}
            aria-describedby="query-said"
            aria-invalid={wrong.length > 0}
            value={text}
            onInput={(e) => {
              set_text(e.currentTarget.value);
              set_open(true);
              set_at(-1);
              if (e.currentTarget.value === "") set({});
            }}
          />
          {offers.words.length > 0 && <Offers words={offers.words} at={at} take={take} />}
        </div>
      </form>
      <div class="tabs" role="group" aria-label={words.col_state}>
        {["", ...STATES].map((s) => (
          <button key={s} type="button" aria-pressed={(filter.state ?? "") === s} onClick={() => set({ ...filter, state: s })}>
            {s ? <Icon name={look_of("job", s).icon} /> : null}
            {s ? look_of("job", s).word : words.all}
          </button>
        ))}
      </div>
      <button type="button" aria-pressed={mine} class={`toggle ${mine ? "on" : ""}`} onClick={() => set({ ...filter, user: mine ? "" : own })}>
        {words.jobs_mine}
      </button>
      <p id="query-said" class={wrong.length ? "query-said wrong" : "query-said muted"} aria-live="polite">
        {wrong.length
          ? wrong.map((e) => (
              <span key={e.word}>
                <code>{visible(e.word, 60)}</code> {words.query_errors[e.why]}{" "}
              </span>
            ))
          : document.activeElement === input.current && text === ""
            ? words.query_help
            : ""}
      </p>
    </div>
  );
}
