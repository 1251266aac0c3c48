// SPDX-License-Identifier: Apache-2.0
// files.tsx - the files that a job kept: found by a part of their path, their checksums, and a look at how they begin.

import { useEffect, useState } from "preact/hooks";
import { get, path_of, Problem, send } from "../api";
import { Command, Copy, Failure, Section, Text } from "../parts/basic";
import { Modal } from "../parts/dialog";
import { use_dependent } from "../dependent";
import { bytes, count, visible, visible_lines } from "../format";
import { words } from "../strings";
import type { Job, Output, Page } from "../types";
import { w } from "./words";

const PAGE = 200;
const ROWS_MAX = 5000;
const LOOK_MAX = 64 * 1024;

type Outputs = Page<Output> & { dataset: string | null };

interface Beginning {
  text: string | null; // null: no text
  shown: number;
  size: number;
}

// A file is taken for text unless there is a zero byte in it, as most tools do.
async function beginning_of(dataset: string, path: string): Promise<Beginning> {
  const reply = await send(path_of(`/v1/datasets/${encodeURIComponent(dataset)}/content`, { path, offset: 0, limit: LOOK_MAX }), { headers: { Accept: "application/octet-stream" } });
  const body = new Uint8Array(await reply.arrayBuffer());
  return { text: body.includes(0) ? null : new TextDecoder().decode(body), shown: body.length, size: Number(reply.headers.get("Reeve-Size") ?? body.length) };
}

function Look({ dataset, path, close }: { dataset: string; path: string; close: () => void }) {
  const [found, set_found] = useState<Beginning | Problem | null>(null);
  useEffect(() => {
    void beginning_of(dataset, path).then(set_found, (reason: unknown) => set_found(Problem.from(reason)));
  }, []);
  return (
    <Modal title={w.file_title(visible(path, 120))} close={close} wide>
      {found === null && <p class="muted">{w.file_loading}</p>}
      {found instanceof Problem && <Failure problem={found} />}
      {found && !(found instanceof Problem) && (
        <>
          {found.text === null ? (
            <p>{w.file_binary}</p>
          ) : (
            <pre class="code" tabIndex={0} aria-label={w.file_title(visible(path, 120))}>
              {visible_lines(found.text)}
            </pre>
          )}
          {found.shown < found.size && <p class="muted">{w.file_cut(bytes(found.shown), bytes(found.size))}</p>}
        </>
      )}
      <div class="buttons">
        <button type="button" data-first="" onClick={close}>
          {words.close}
        </button>
      </div>
    </Modal>
  );
}

function Rows({ of: files, dataset }: { of: Output[]; dataset: string | null }) {
  const [looked, set_looked] = useState<string | null>(null);
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={words.tab_outputs}>
      <table class="rows file-rows">
        <thead>
          <tr>
            <th scope="col">{w.col_path}</th>
            <th scope="col" class="num">{words.col_task}</th>
            <th scope="col" class="num">{w.col_size}</th>
            <th scope="col">{words.col_site}</th>
            <th scope="col">{w.col_sum}</th>
            <th scope="col">
              <span class="unseen">{w.file_view}</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {files.map((f) => (
            <tr key={`${f.task} ${f.path}`}>
              <td class="path">
                <Text of={f.path} max={300} />
              </td>
              <td class="num">{f.task}</td>
              <td class="num">{bytes(f.size)}</td>
              <td>
                <Text of={f.site} max={40} />
              </td>
              <td>
                {f.sha256 && (
                  <span class="sum-cell" title={f.sha256}>
                    <code>{f.sha256.slice(0, 10)}…</code>
                    <Copy text={f.sha256} />
                  </span>
                )}
              </td>
              <td>
                {dataset && f.site && (
                  <button type="button" class="quiet" aria-label={w.file_view_of(visible(f.path, 80))} onClick={() => set_looked(f.path)}>
                    {w.file_view}
                  </button>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {looked !== null && dataset && <Look key={looked} dataset={dataset} path={looked} close={() => set_looked(null)} />}
    </div>
  );
}

// The first page follows the job; further ones are asked by the reader.
export function FilesTab({ of: j }: { of: Job }) {
  const base = `/v1/jobs/${j.id}/outputs`;
  const { data, problem } = use_dependent<Outputs>(`${base}?limit=${PAGE}`, j.tasks.succeeded);
  const [older, set_older] = useState<Outputs | null>(null);
  const [failed, set_failed] = useState<Problem | null>(null);
  const [part, set_part] = useState("");
  const files = [...(data?.items ?? []), ...(older?.items ?? [])];
  const cursor = older ? older.next_cursor : (data?.next_cursor ?? null);
  const more = async () => {
    try {
      const page = await get<Outputs>(path_of(base, { limit: 1000, cursor }));
      set_older({ ...page, items: [...(older?.items ?? []), ...page.items] });
    } catch (reason) {
      set_failed(Problem.from(reason));
    }
  };
  const trouble = problem ?? failed;
  const found = files.filter((f) => f.path.toLowerCase().includes(part.toLowerCase()));
  return (
    <Section
      id="outputs"
      title={words.outputs}
      aside={files.length > 5 && <input type="search" aria-label={w.files_find} placeholder={w.files_find} value={part} onInput={(e) => set_part(e.currentTarget.value)} />}
    >
      {trouble && trouble.status !== 404 && <Failure problem={trouble} />}
      {files.length === 0 ? (
        <p class="muted">{words.outputs_none}</p>
      ) : (
        <>
          {part && (
            <p class="muted" aria-live="polite">
              {w.files_found(count(found.length))}
            </p>
          )}
          <Rows of={found} dataset={data?.dataset ?? null} />
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
