// SPDX-License-Identifier: Apache-2.0
// table.tsx - a list as a table that a narrow screen lays out as cards, and ways to take it away.

import type { ComponentChildren } from "preact";
import { get } from "../api";
import { Command, Copy } from "../parts/basic";
import { csv_cell, save_file } from "../export";
import { words } from "../strings";
import type { Page } from "../types";
import { w } from "./words";
import "./style";

export interface Column<T> {
  name: string;
  word: string;
  num?: boolean;
  // Only where there is room: a card leaves it out.
  wide?: boolean;
  // In a card it has a line of its own, without its word.
  whole?: boolean;
  cell: (item: T) => ComponentChildren;
  // As exported; left out of files when missing.
  value?: (item: T) => unknown;
}

interface TableProps<T> {
  caption: string;
  columns: Column<T>[];
  items: T[];
  id: (item: T) => string | number;
  look?: string;
  chosen?: (item: T) => boolean;
}

// The roles are said again because cards are no table to browsers.
export function Table<T>({ caption, columns, items, id, look = "", chosen }: TableProps<T>) {
  return (
    <table class={`rows cards ${look}`} role="table">
      <caption class="unseen">{caption}</caption>
      <thead role="rowgroup">
        <tr role="row">
          {columns.map((c) =>
            c.word ? (
              <th key={c.name} scope="col" role="columnheader" class={`${c.num ? "num" : ""} ${c.wide ? "wide-cell" : ""}`}>
                {c.word}
              </th>
            ) : (
              <td key={c.name} role="cell" />
            ),
          )}
        </tr>
      </thead>
      <tbody role="rowgroup">
        {items.map((item) => (
          <tr key={id(item)} role="row" class={chosen?.(item) ? "chosen" : ""}>
            {columns.map((c, i) => {
              const look_of = `${c.num ? "num" : ""} ${c.wide ? "wide-cell" : ""} ${c.whole ? "whole-cell" : ""} ${c.name}-col`;
              return i === 0 ? (
                <th key={c.name} scope="row" role="rowheader" class={look_of}>
                  {c.cell(item)}
                </th>
              ) : (
                <td key={c.name} role="cell" class={look_of} data-word={c.word}>
                  {c.cell(item)}
                </td>
              );
            })}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

const TAKE_MAX = 10_000; // put together in memory; whoever wants more uses the command line

async function all_of<T>(path: string): Promise<T[]> {
  const items: T[] = [];
  let cursor: string | null = null;
  do {
    const more: string = cursor ? `${path.includes("?") ? "&" : "?"}cursor=${encodeURIComponent(cursor)}` : "";
    const page: Page<T> = await get<Page<T>>(path + more);
    items.push(...page.items);
    cursor = page.next_cursor;
  } while (cursor && items.length < TAKE_MAX);
  return items;
}

interface TakeProps<T> {
  name: string;
  path: string; // of the list in the API, with its filters
  columns: Column<T>[];
  command?: string;
  items?: T[]; // when the list is no page of the API
}

// The list for a file, a shell or a script.
export function Take<T>({ name, path, columns, command, items }: TakeProps<T>) {
  const save = async (kind: "csv" | "json") => {
    const all = items ?? (await all_of<T>(path));
    const told = columns.filter((c) => c.value);
    const text = kind === "json" ? JSON.stringify(all, null, 1) : `${[told.map((c) => c.name), ...all.map((i) => told.map((c) => csv_cell(c.value!(i))))].map((r) => r.join(",")).join("\r\n")}\r\n`;
    save_file(`${name}.${kind}`, [text], kind === "csv" ? "text/csv" : "application/json");
  };
  return (
    <details class="menu">
      <summary>{words.export_menu}</summary>
      <div class="menu-body">
        <button type="button" class="quiet" onClick={() => void save("csv")}>
          {words.export_csv}
        </button>
        <button type="button" class="quiet" onClick={() => void save("json")}>
          {words.export_json}
        </button>
        {command && <p class="muted small">{words.as_command}</p>}
        {command && <Command line={command} />}
        <p class="muted small">{words.as_url}</p>
        <div class="command">
          <a href={path} class="grow" target="_blank" rel="noreferrer">
            <code>{path}</code>
          </a>
          <Copy text={location.origin + path} />
        </div>
        <p class="muted small">{w.take_bound}</p>
      </div>
    </details>
  );
}
