// SPDX-License-Identifier: Apache-2.0
// query_bar.tsx - the filter of a list of jobs: a line to write, and the states to click.

import type { RefObject } from "preact";
import { useState } from "preact/hooks";
import { me } from "../api";
import { Icon } from "./icon";
import { visible } from "../format";
import { filter_parse, filter_text, STATES, type Filter } from "../jobs_filter";
import { look_of } from "../states";
import { words } from "../strings";

interface BarProps {
  filter: Filter;
  set: (f: Filter) => void;
  input: RefObject<HTMLInputElement | null>;
}

export function QueryBar({ filter, set, input }: BarProps) {
  const now = filter_text(filter);
  const [shown, set_shown] = useState(now);
  const [text, set_text] = useState(now);
  // The address changed under the line: Back, a click on a state.
  if (shown !== now) {
    set_shown(now);
    set_text(now);
  }
  const parsed = filter_parse(text);
  const wrong = parsed.errors.slice(0, 3);
  const search = (e: SubmitEvent) => {
    e.preventDefault();
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
            type="search"
            spellcheck={false}
            autocomplete="off"
            maxLength={500}
            placeholder={words.query_hint}
            aria-describedby="query-said"
            aria-invalid={wrong.length > 0}
            value={text}
            onInput={(e) => {
              set_text(e.currentTarget.value);
              if (e.currentTarget.value === "") set({});
            }}
          />
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
