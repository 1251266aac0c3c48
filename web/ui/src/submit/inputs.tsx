// SPDX-License-Identifier: Apache-2.0
// inputs.tsx - choose datasets by what they hold and where they lie, instead of typing their names.

import { useState } from "preact/hooks";
import { get, Problem } from "../api";
import { Failure, Text } from "../parts/basic";
import { bytes, count } from "../format";
import { words } from "../strings";
import type { Dataset, Page } from "../types";
import { list_of } from "./body";
import { w } from "./words";

const SHOWN = 200;

export function Inputs({ value, set }: { value: string; set: (v: string) => void }) {
  const [page, set_page] = useState<Page<Dataset> | Problem | null>(null);
  const chosen = list_of(value);
  const load = (open: boolean) => {
    if (open && page === null) void get<Page<Dataset>>(`/v1/datasets?limit=${SHOWN}`).then(set_page, (reason: unknown) => set_page(Problem.from(reason)));
  };
  const toggle = (name: string, on: boolean) => set((on ? [...chosen, name] : chosen.filter((c) => c !== name)).join(", "));
  return (
    <details class="menu picker" onToggle={(e) => load(e.currentTarget.open)}>
      <summary>{w.pick}</summary>
      <div class="menu-body">
        {page === null && <p class="muted">{words.loading}</p>}
        {page instanceof Problem && <Failure problem={page} />}
        {page && !(page instanceof Problem) && page.items.length === 0 && <p class="muted">{w.pick_none}</p>}
        {page &&
          !(page instanceof Problem) &&
          page.items.map((d) => (
            <label key={d.name} class="check">
              <input type="checkbox" checked={chosen.includes(d.name)} onChange={(e) => toggle(d.name, e.currentTarget.checked)} />
              <span>
                <Text of={d.name} max={80} />{" "}
                <span class="muted small">
                  {w.pick_has(count(d.files), bytes(d.bytes))} <Text of={d.sites.slice(0, 5).join(", ")} max={120} />
                </span>
              </span>
            </label>
          ))}
      </div>
    </details>
  );
}
