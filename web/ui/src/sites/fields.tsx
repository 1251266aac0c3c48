// SPDX-License-Identifier: Apache-2.0
// fields.tsx - what people write about sites, as the API takes it. The server judges; here it is only taken apart.

import type { ComponentChildren } from "preact";

export function Field({ label, hint, value, set, ...more }: { label: string; hint?: string; value: string; set: (v: string) => void } & Record<string, unknown>) {
  return (
    <label class="field">
      <span>{label}</span>
      <input type="text" spellcheck={false} autocomplete="off" maxLength={1000} {...more} value={value} onInput={(e) => set(e.currentTarget.value)} />
      {hint && <small>{hint}</small>}
    </label>
  );
}

export function Fields({ children }: { children: ComponentChildren }) {
  return <div class="fields">{children}</div>;
}

// "login.example.org:2222", "[::1]:22", "::1"
export function host_of(text: string): { address: string; port?: number } {
  const bracket = /^\[([^\]]+)\](?::(\d{1,5}))?$/.exec(text);
  if (bracket) return { address: bracket[1]!, ...(bracket[2] ? { port: Number(bracket[2]) } : {}) };
  const plain = /^([^:]+):(\d{1,5})$/.exec(text);
  return plain ? { address: plain[1]!, port: Number(plain[2]) } : { address: text };
}

export const list_of = (text: string) =>
  text
    .split(",")
    .map((v) => v.trim())
    .filter(Boolean);

// An empty field is no limit; a number is a number; anything else is for the server to refuse.
export const amount_of = (text: string): number | string | null => (text.trim() === "" ? null : /^\d{1,15}$/.test(text.trim()) ? Number(text.trim()) : text.trim());

export const projects_of = (text: string) =>
  list_of(text).map((p) => {
    const [name, max] = p.split("=");
    return { name: name!, max_cpus: max ? amount_of(max) : null };
  });
