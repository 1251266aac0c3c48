// SPDX-License-Identifier: Apache-2.0
// files.tsx - the files of a dataset, a page at a time, each to be fetched.

import { useState } from "preact/hooks";
import { get, path_of, Problem } from "../api";
import { Command, Failure, Section, Text } from "../parts/basic";
import { Icon } from "../parts/icon";
import { use_dependent } from "../dependent";
import { bytes, shell_word, visible } from "../format";
import type { Page } from "../types";
import { Table, Take, type Column } from "./table";
import type { DataOne, FileRow } from "./types";
import { w } from "./words";

const PAGE = 20;
const ROWS_MAX = 2000;

function columns_of(d: DataOne): Column<FileRow>[] {
  const base = `/v1/datasets/${encodeURIComponent(d.name)}`;
  return [
    { name: "path", word: w.col_path, value: (f) => f.path, cell: (f) => <Text of={f.path} max={300} /> },
    {
      name: "size",
      word: w.col_size,
      num: true,
      value: (f) => f.size,
      cell: (f) => (
        <>
          {bytes(f.size)}
          {typeof f.received === "number" && f.received < f.size && <span class="sub">{w.received(bytes(f.received))}</span>}
        </>
      ),
    },
    { name: "sha256", word: w.col_sha, wide: true, value: (f) => f.sha256, cell: (f) => (f.sha256 ? <code title={f.sha256}>{visible(f.sha256.slice(0, 12), 12)}…</code> : "–") },
    ...(d.state === "sealed"
      ? [
          {
            name: "fetch",
            word: "",
            num: true,
            whole: true,
            cell: (f: FileRow) => (
              <a class="fetch" href={path_of(`${base}/download`, { path: f.path })} download={f.path.split("/").pop()} aria-label={`${w.fetch} ${visible(f.path, 100)}`}>
                <Icon name="down" /> {w.fetch}
              </a>
            ),
          },
        ]
      : []),
  ];
}

export function Files({ of: d }: { of: DataOne }) {
  const base = `/v1/datasets/${encodeURIComponent(d.name)}/files`;
  const { data, problem } = use_dependent<Page<FileRow>>(`${base}?limit=${PAGE}`, `${d.state}${d.files}${d.arrival?.received_bytes ?? ""}`);
  const [older, set_older] = useState<Page<FileRow> | null>(null);
  const [failed, set_failed] = useState<Problem | null>(null);
  const files = [...(data?.items ?? []), ...(older?.items ?? [])];
  const cursor = older ? older.next_cursor : (data?.next_cursor ?? null);
  const more = async () => {
    try {
      const page = await get<Page<FileRow>>(path_of(base, { limit: 10 * PAGE, cursor }));
      set_older({ items: [...(older?.items ?? []), ...page.items], next_cursor: page.next_cursor });
    } catch (reason) {
      set_failed(Problem.from(reason));
    }
  };
  const columns = columns_of(d);
  const trouble = problem ?? failed;
  return (
    <Section id="files" title={w.files} aside={<Take name={`${d.name}-files`} path={`${base}?limit=1000`} columns={columns} command={`reeve data show ${shell_word(d.name)}`} />}>
      {trouble && <Failure problem={trouble} />}
      {data && files.length === 0 && <p class="muted">{w.files_none}</p>}
      {files.length > 0 && <Table caption={w.files} columns={columns} items={files} id={(f) => `${f.task} ${f.path}`} look="file-rows" />}
      {cursor && files.length < ROWS_MAX && (
        <button type="button" class="more" onClick={() => void more()}>
          {w.files_more}
        </button>
      )}
      {d.state === "sealed" && files.length > 0 && (
        <>
          <p class="muted">{w.fetch_all}</p>
          <Command line={`reeve get ${shell_word(d.name)}`} />
        </>
      )}
    </Section>
  );
}
