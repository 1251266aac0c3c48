// SPDX-License-Identifier: Apache-2.0
// inputs.tsx - choose datasets by what they hold and where they lie, instead of typing their names.

import { useEffect, useId, useState } from "preact/hooks";
import { get, path_of, Problem } from "../api";
import { Failure, Text } from "../parts/basic";
import { bytes, count } from "../format";
import { words } from "../strings";
import type { Dataset, Page } from "../types";
import { list_of } from "./body";
import { w } from "./words";

const SHOWN = 200;
const SITES_SHOWN = 5;
const SETTLE_MS = 300;

// Newest first; asked again when the beginning of the name changed.
function use_datasets(open: boolean, begins: string) {
  const [page, set_page] = useState<Page<Dataset> | Problem | null>(null);
  useEffect(() => {
    if (!open) return;
    const abort = new AbortController();
    const ask = () => get<Page<Dataset>>(path_of("/v1/datasets", { limit: SHOWN, name: begins ? `${begins}*` : "" }), abort.signal).then(set_page, (reason: unknown) => abort.signal.aborted || set_page(Problem.from(reason)));
    const timer = setTimeout(() => void ask(), page === null ? 0 : SETTLE_MS);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [open, begins]);
  return page;
}

export function Inputs({ value, set }: { value: string; set: (v: string) => void }) {
  const id = useId();
  const [open, set_open] = useState(false);
  const [begins, set_begins] = useState("");
  const page = use_datasets(open, begins.trim());
  const chosen = list_of(value);
  const toggle = (name: string, on: boolean) => set((on ? [...chosen, name] : chosen.filter((c) => c !== name)).join(", "));
  return (
    <details class="menu picker" onToggle={(e) => set_open(e.currentTarget.open)}>
      <summary>{w.pick}</summary>
      <div class="menu-body">
        <label class="unseen" for={id}>
          {w.pick_begins}
        </label>
        <input id={id} type="text" spellcheck={false} autocomplete="off" maxLength={64} placeholder={w.pick_begins} value={begins} onInput={(e) => set_begins(e.currentTarget.value)} />
        {page === null && <p class="muted">{words.loading}</p>}
        {page instanceof Problem && <Failure problem={page} />}
        {page && !(page instanceof Problem) && page.items.length === 0 && <p class="muted">{begins ? w.pick_none_so : w.pick_none}</p>}
        {page &&
          !(page instanceof Problem) &&
          page.items.map((d) => (
            <label key={d.name} class="check">
              <input type="checkbox" checked={chosen.includes(d.name)} onChange={(e) => toggle(d.name, e.currentTarget.checked)} />
              <span>
                <Text of={d.name} max={80} />{" "}
                <span class="muted small">
                  {w.pick_has(count(d.files), bytes(d.bytes))} {d.sites.length === 0 ? w.pick_nowhere : <Text of={d.sites.slice(0, SITES_SHOWN).join(", ")} max={120} />}
                  {d.sites.length > SITES_SHOWN && ` ${w.said_more(d.sites.length - SITES_SHOWN)}`}
                </span>
              </span>
            </label>
          ))}
        {page && !(page instanceof Problem) && page.next_cursor !== null && <p class="muted small">{w.pick_more}</p>}
      </div>
    </details>
  );
}
