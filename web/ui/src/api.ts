// SPDX-License-Identifier: Apache-2.0
// api.ts - talk to the JSON API of the server this page came from, and to nothing else.
//
// Every request carries the session cookie and the header that a foreign page cannot set. A refusal becomes a
// Problem: title, detail and the list of wrong fields, ready to be shown.

import { signal } from "@preact/signals";
import type { FieldError, Me, ProblemBody } from "./types";
import { words } from "./strings";

export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly title: string,
    readonly detail: string,
    readonly errors: FieldError[] = [],
  ) {
    super(detail || title);
  }

  static from(reason: unknown): Problem {
    if (reason instanceof Problem) return reason;
    return new Problem(0, "unreachable", words.unreachable, words.unreachable_fix);
  }
}

// Who is logged in: undefined while not known yet, null when nobody is.
export const me = signal<Me | null | undefined>(undefined);

export interface Ask {
  method?: string;
  body?: unknown;
  etag?: string | null;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

// Send one request. Throws Problem for every answer that is not 2xx or 304; a 401 also ends the session here.
export async function send(path: string, ask: Ask = {}): Promise<Response> {
  const headers: Record<string, string> = { "X-Reeve-Csrf": "1", Accept: "application/json", ...ask.headers };
  if (ask.etag) headers["If-None-Match"] = ask.etag;
  const init: RequestInit = { method: ask.method ?? "GET", headers, cache: "no-store", credentials: "same-origin" };
  if (ask.signal) init.signal = ask.signal;
  if (ask.body !== undefined) {
    headers["Content-Type"] = "application/json";
    init.body = JSON.stringify(ask.body);
  }
  const reply = await fetch(path, init);
  if (reply.ok || reply.status === 304) return reply;
  if (reply.status === 401 && path !== "/v1/login") me.value = null;
  throw await read_problem(reply);
}

async function read_problem(reply: Response): Promise<Problem> {
  let body: ProblemBody = {};
  try {
    body = (await reply.json()) as ProblemBody;
  } catch {
    // An answer that is not JSON, from a proxy perhaps: the status has to do.
  }
  const title = body.title ?? `${words.refused} (${reply.status})`;
  return new Problem(reply.status, body.code ?? "", title, body.detail ?? "", body.errors ?? []);
}

export async function get<T>(path: string, abort?: AbortSignal): Promise<T> {
  const reply = await send(path, abort ? { signal: abort } : {});
  return (await reply.json()) as T;
}

export async function post<T>(path: string, body: unknown = {}, headers: Record<string, string> = {}): Promise<T | null> {
  const reply = await send(path, { method: "POST", body, headers });
  const text = await reply.text();
  return text ? (JSON.parse(text) as T) : null;
}

export async function log_in(credential: { code: string } | { token: string } | { name: string; password: string }): Promise<void> {
  me.value = await post<Me>("/v1/login", credential);
}

export async function log_out(): Promise<void> {
  try {
    await post("/v1/logout");
  } finally {
    me.value = null;
  }
}

// A path with a query; empty values are left out.
export function path_of(base: string, query: Record<string, string | number | null | undefined>): string {
  const q = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== null && value !== undefined && value !== "") q.set(name, String(value));
  }
  const text = q.toString();
  return text ? `${base}?${text}` : base;
}
