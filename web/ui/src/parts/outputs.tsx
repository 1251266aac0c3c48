// SPDX-License-Identifier: Apache-2.0
import { useState } from "preact/hooks";
import { get, path_of, Problem } from "../api";
import { Command, Failure, Section, Text } from "./basic";
import { use_dependent } from "../dependent";
import { bytes } from "../format";
import { words } from "../strings";
import type { Job, Output, Page } from "../types";

const PAGE = 50;
const ROWS_MAX = 1000;

// The files that the job kept. The first page follows the job; further ones are asked by the reader.
export function Outputs({ of: j }: { of: Job }) {
  const base = `/v1/jobs/${j.id}/outputs`;
  const { data, problem } = use_dependent<Page<Output>>(`${base}?limit=${PAGE}`, j.tasks.succeeded);
  const [older, set_older] = useState<Page<Output> | null>(null);
  const [failed, set_failed] = useState<Problem | null>(null);
  const files = [...(data?.items ?? []), ...(older?.items ?? [])];
  const cursor = older ? older.next_cursor : (data?.next_cursor ?? null);
  const more = async () => {
    try {
      const page = await get<Page<Output>>(path_of(base, { limit: PAGE, cursor }));
      set_older({ items: [...(older?.items ?? []), ...page.items], next_cursor: page.next_cursor });
    } catch (reason) {
      set_failed(Problem.from(reason));
    }
  };
  const trouble = problem ?? failed;
  return (
    <Section id="outputs" title={words.outputs}>
      {trouble && trouble.status !== 404 && <Failure problem={trouble} />}
      {files.length === 0 ? (
        <p class="muted">{words.outputs_none}</p>
      ) : (
        <>
          <ul class="files">
            {files.map((f) => (
              <li key={`${f.task} ${f.path}`} title={f.sha256 ? `SHA-256 ${f.sha256}` : undefined}>
                <span class="grow">
                  <Text of={f.path} max={300} />
                </span>
                <span class="muted">
                  <Text of={f.site} max={40} />
                </span>
                <span class="num">{bytes(f.size)}</span>
              </li>
            ))}
          </ul>
          {cursor && files.length < ROWS_MAX && (
            <button type="button" class="more" onClick={() => void more()}>
              {words.outputs_more}
            </button>
          )}
          <p class="muted">{words.outputs_get}</p>
          <Command line={`reeve get ${j.id}`} />
        </>
      )}
    </Section>
  );
}
