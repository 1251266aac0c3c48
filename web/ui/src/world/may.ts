// SPDX-License-Identifier: Apache-2.0
// may.ts - what the reader may change. The server decides; the page only leaves out what would be refused.

import { me } from "../api";

export const is_admin = () => me.value?.role === "admin";
export const may_write = () => me.value?.role !== "viewer";
export const may_govern = (site: string) => is_admin() || ((me.value as { sites?: string[] } | null | undefined)?.sites ?? []).includes(site);
