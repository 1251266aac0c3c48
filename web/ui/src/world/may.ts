// SPDX-License-Identifier: Apache-2.0
// may.ts - what the reader may change, here or from a shell. The server decides; pages only leave out what would be refused.

import { me } from "../api";
import { shell_word } from "../format";

export const is_admin = () => me.value?.role === "admin";
export const may_write = () => me.value?.role !== "viewer";
export const may_govern = (site: string) => is_admin() || ((me.value as { sites?: string[] } | null | undefined)?.sites ?? []).includes(site);

// Somebody says something of a link: an admin of all of it, who governs an end of that end.
export type Voice = "" | "from_" | "to_";
export const voice_of = (from: string | null, to: string | null): Voice | null =>
  is_admin() ? "" : from !== null && may_govern(from) ? "from_" : to !== null && may_govern(to) ? "to_" : null;

// Where the command line has no verb of its own, it makes the call.
export const api_command = (method: string, path: string, body: unknown) => ["reeve", "api", method, path, "-d", JSON.stringify(body)].map(shell_word).join(" ");
