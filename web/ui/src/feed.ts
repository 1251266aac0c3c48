// SPDX-License-Identifier: Apache-2.0
// feed.ts - lists that change under a reader's eyes without moving.
//
// What is shown is updated in place; what is new waits in `fresh` until the reader asks for it. An empty list takes
// everything at once: there is nothing to move.

import { batch, signal, type Signal } from "@preact/signals";

export class Feed<T> {
  readonly shown: Signal<T[]> = signal([]);
  readonly fresh: Signal<T[]> = signal([]);

  // `key` names an item and orders the list, largest first. At most `max` items are kept.
  constructor(
    private readonly key: (item: T) => number,
    private readonly max: number,
  ) {}

  // Take in what the server says now: known items change in place, newer ones wait.
  offer(items: T[]): void {
    const by_key = new Map(items.map((i) => [this.key(i), i]));
    const shown = this.shown.value;
    batch(() => {
      if (shown.length === 0) {
        this.shown.value = this.order(items);
        return;
      }
      this.shown.value = shown.map((i) => by_key.get(this.key(i)) ?? i);
      const known = new Set(shown.map(this.key));
      const last = this.key(shown[shown.length - 1]!);
      const news = items.filter((i) => !known.has(this.key(i)) && this.key(i) > last);
      const waiting = this.fresh.value.filter((i) => !by_key.has(this.key(i)));
      this.fresh.value = this.order([...news, ...waiting]);
    });
  }

  // Show what waited.
  reveal(): void {
    batch(() => {
      this.shown.value = this.order([...this.fresh.value, ...this.shown.value]);
      this.fresh.value = [];
    });
  }

  // Older items, at the end; what is not older than the last one shown is left out.
  append(items: T[]): void {
    const shown = this.shown.value;
    const last = shown.length ? this.key(shown[shown.length - 1]!) : Infinity;
    this.shown.value = [...shown, ...items.filter((i) => this.key(i) < last)].slice(0, this.max);
  }

  reset(): void {
    batch(() => {
      this.shown.value = [];
      this.fresh.value = [];
    });
  }

  private order(items: T[]): T[] {
    return [...items].sort((a, b) => this.key(b) - this.key(a)).slice(0, this.max);
  }
}

export interface Slot<T> {
  key: string;
  item: T;
  ended: boolean;
}

// Places in a list of things that come and go: whoever stays keeps its place, newcomers take the places of those who
// left, and an empty place at the end goes away.
export function slots_fill<T>(before: Slot<T>[], items: T[], key: (item: T) => string): Slot<T>[] {
  const now = new Map(items.map((i) => [key(i), i]));
  const slots = before.map((s) => {
    const item = now.get(s.key);
    if (item === undefined) return { ...s, ended: true };
    now.delete(s.key);
    return { key: s.key, item, ended: false };
  });
  const news = [...now].map(([k, item]) => ({ key: k, item, ended: false }));
  const filled = slots.map((s) => (s.ended ? (news.shift() ?? s) : s)).concat(news);
  const last = filled.findLastIndex((s) => !s.ended);
  return filled.slice(0, last + 1);
}
