// SPDX-License-Identifier: Apache-2.0
// bulk.tsx - hold, release or cancel many jobs: those that were picked, or all that the filter finds.

import { useState } from "preact/hooks";
import { lazy } from "../lazy";
import { count } from "../format";
import { filter_asked, filter_options, type Filter } from "../jobs_filter";
import { words } from "../strings";
import type { Job } from "../types";
import type { Verb } from "./bulk_ask";

const BulkAsk = lazy(() => import("./bulk_ask").then((m) => m.BulkAsk));
const VERBS: Verb[] = ["hold", "release", "cancel"];
const is_over = (j: Job) => j.finished_at !== null;

function body_of(filter: Filter): Record<string, unknown> {
  const { ids, ...rest } = filter_asked(filter);
  const body: Record<string, unknown> = { ...rest };
  if (ids) body["ids"] = ids.split(",").map(Number);
  return Object.keys(body).length ? body : { all: true };
}

interface BulkProps {
  filter: Filter;
  chosen: Set<number>;
  shown: Job[];
  more: boolean; // there are further pages
  set: (chosen: Set<number>) => void;
  verb: Verb | null; // asked by a key
  forget_verb: () => void;
  done: () => void;
}

export function Bulk({ filter, chosen, shown, more, set, verb, forget_verb, done }: BulkProps) {
  const [asked, set_asked] = useState<Verb | null>(null);
  const [whole, set_whole] = useState(false);
  const live = shown.filter((j) => chosen.has(j.id) && !is_over(j)).length;
  const idle = shown.filter((j) => chosen.has(j.id) && j.tasks.placed > 0).length === 0;
  const page = shown.length > 0 && shown.every((j) => chosen.has(j.id));
  const all = whole && page;
  const now = asked ?? verb;
  const ids = [...chosen].sort((a, b) => a - b);
  const words_of_command = (v: Verb) => ["reeve", v, ...(all ? filter_options(filter) : [ids.join(",")])];
  if (chosen.size === 0 && !now) return null;
  return (
    <div class="bulk" role="region" aria-label={words.bulk}>
      <strong>{all ? words.bulk_all_chosen : words.bulk_chosen(count(chosen.size))}</strong>
      {!all && <span class="muted">{words.bulk_live(count(live))}</span>}
      {page && more && (
        <button type="button" class="quiet" onClick={() => set_whole(!whole)}>
          {all ? words.bulk_only_page : words.bulk_all}
        </button>
      )}
      <span class="grow" />
      {VERBS.map((v) => (
        <button key={v} type="button" class={v === "cancel" ? "danger" : ""} disabled={!all && live === 0} onClick={() => set_asked(v)}>
          {words.bulk_verb[v]}
        </button>
      ))}
      <button type="button" class="quiet" onClick={() => (set(new Set()), set_whole(false))}>
        {words.bulk_clear}
      </button>
      {now && (
        <BulkAsk
          verb={now}
          body={all ? body_of(filter) : { ids }}
          idle={idle && !all}
          command={words_of_command(now)}
          close={(acted) => {
            set_asked(null);
            forget_verb();
            if (!acted) return;
            set(new Set());
            set_whole(false);
            done();
          }}
        />
      )}
    </div>
  );
}
