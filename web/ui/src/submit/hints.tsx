// SPDX-License-Identifier: Apache-2.0
// hints.tsx - what one's own last runs of that name used, said quietly beside the fields that it is about.

import { useEffect, useState } from "preact/hooks";
import { get, path_of } from "../api";
import { visible } from "../format";
import { w } from "./words";

const SETTLE_MS = 500;

export interface Hints {
  names: { name: string; jobs: number }[];
  suggest: { member: string; value: number; text: string; sentence: string }[];
}

const NONE: Hints = { names: [], suggest: [] };

export function use_hints(name: string, project: string, wanted: boolean): Hints {
  const [hints, set_hints] = useState<Hints>(NONE);
  useEffect(() => {
    if (!wanted) return;
    const abort = new AbortController();
    const ask = () => get<Hints>(path_of("/v1/jobs:hints", { name: name.slice(0, 200), project }), abort.signal).then(set_hints, () => undefined);
    const timer = setTimeout(() => void ask(), SETTLE_MS);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [name, project, wanted]);
  return hints;
}

export function Hint({ of: hints, member, value, take }: { of: Hints; member: string; value: string; take: (text: string) => void }) {
  const hint = hints.suggest.find((h) => h.member === member);
  if (!hint || value.trim() === hint.text) return null;
  return (
    <small class="past-hint">
      {visible(hint.sentence, 300)}{" "}
      <button type="button" class="quiet" onClick={() => take(hint.text)}>
        {w.hint_take(hint.text)}
      </button>
    </small>
  );
}
