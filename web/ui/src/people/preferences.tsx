// SPDX-License-Identifier: Apache-2.0
// preferences.tsx - how the pages look and which keys do what; kept in this browser.

import { useState } from "preact/hooks";
import { Section } from "../parts/basic";
import { rows_are_close, rows_close_set } from "../parts/job_rows";
import { visible } from "../format";
import { key_of, key_set, keys_bound, keys_reset, keys_taken } from "../keys";
import { words } from "../strings";
import { theme, theme_set, themes, type Theme } from "../theme";
import { Choice } from "./parts";
import { w } from "./words";

// Keys that pages bind while they are shown: they are not all there at once.
const others: [string, string][] = [
  ["j", words.key_down],
  ["k", words.key_up],
  ["e", words.key_explain],
  ["l", words.key_log],
  ["x", words.key_select],
  ["c", words.key_cancel],
  ["f", words.key_follow],
  ["/", words.key_search],
];

export function Preferences() {
  const [version, again] = useState(0);
  const [taken, set_taken] = useState("");
  const bound = keys_bound().filter((k) => k.key !== "Ctrl+k");
  const rows = new Map<string, string>([...bound.map((k): [string, string] => [k.own ?? k.key, k.what]), ...others]);
  const change = (own: string, to: string) => {
    const other = to === "" ? null : keys_taken(own, to, [...rows.keys()]);
    set_taken(other ? w.keys_taken(visible(to, 10)) : "");
    if (!other) key_set(own, to);
    again(version + 1);
  };
  return (
    <>
      <Section id="looks" title={w.tab_preferences}>
        <form onSubmit={(e) => e.preventDefault()}>
          <Choice<Theme> label={w.theme} value={theme.value} set={theme_set} of={Object.entries(themes) as [Theme, string][]} />
          <Choice label={w.rows} value={rows_are_close.value ? "close" : "wide"} set={(v) => rows_close_set(v === "close")} of={[["wide", w.rows_wide], ["close", w.rows_close]]} />
        </form>
        <p class="muted small">{w.kept_here}</p>
      </Section>
      <Section
        id="keys"
        title={w.keys}
        aside={
          <button type="button" class="quiet" onClick={() => (keys_reset(), set_taken(""), again(version + 1))}>
            {w.keys_reset}
          </button>
        }
      >
        <p class="muted">{w.keys_lead}</p>
        <p class="wrong" aria-live="polite">
          {taken}
        </p>
        <div class="key-rows" key={version}>
          {[...rows].map(([own, what]) => (
            <label key={own}>
              <span>{what}</span>
              <input type="text" maxLength={3} spellcheck={false} autocomplete="off" value={key_of(own)} onChange={(e) => change(own, e.currentTarget.value.trim())} />
            </label>
          ))}
        </div>
      </Section>
    </>
  );
}
