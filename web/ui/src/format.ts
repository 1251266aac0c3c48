// SPDX-License-Identifier: Apache-2.0
// format.ts - numbers, times and hostile text, made readable. Pure.

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

export function bytes(n: number | null | undefined): string {
  if (n === null || n === undefined || !Number.isFinite(n)) return "–";
  let i = 0;
  let v = n;
  while (v >= 1024 && i < UNITS.length - 1) {
    v /= 1024;
    i++;
  }
  return `${i === 0 || v >= 100 ? Math.round(v) : v.toFixed(1)} ${UNITS[i]}`;
}

export function count(n: number | null | undefined): string {
  return n === null || n === undefined || !Number.isFinite(n) ? "–" : n.toLocaleString("en-US");
}

// Seconds, to two units: "0.8 s", "12 s", "3 min 5 s", "2 h 14 min", "3 d 4 h".
export function seconds(s: number | null | undefined): string {
  if (s === null || s === undefined || !Number.isFinite(s)) return "–";
  if (s < 0) return "0 s";
  if (s < 0.0995) return `${Math.round(s * 1000)} ms`;
  if (s < 9.95) return `${s.toFixed(1)} s`;
  const t = Math.round(s);
  if (t < 60) return `${t} s`;
  const pick = (big: number, small: number, a: string, b: string) => {
    const rest = Math.floor((t % big) / small);
    return `${Math.floor(t / big)} ${a}${rest ? ` ${rest} ${b}` : ""}`;
  };
  if (t < 3600) return pick(60, 1, "min", "s");
  if (t < 86_400) return pick(3600, 60, "h", "min");
  return pick(86_400, 3600, "d", "h");
}

// How long ago, in one unit: a column of these is read at a glance.
export function ago(ms: number): string {
  const s = Math.floor(ms / 1000);
  if (s < 1) return "now";
  if (s < 60) return `${s} s ago`;
  if (s < 3600) return `${Math.floor(s / 60)} min ago`;
  if (s < 86_400) return `${Math.floor(s / 3600)} h ago`;
  return `${Math.floor(s / 86_400)} d ago`;
}

export function exact(time: string): string {
  const d = new Date(time);
  if (Number.isNaN(d.getTime())) return visible(time);
  return `${d.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" })} (${d.toISOString()})`;
}

export function clock(ms: number): string {
  return new Date(ms).toLocaleTimeString();
}

// Characters that hide, reorder or command: controls, format and bidi marks, line separators, lone surrogates.
const UNSEEN =
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

function picture(c: string): string {
  const code = c.charCodeAt(0);
  // As terminals and pagers have shown them for fifty years; the pictures of Unicode are in few fonts.
  if (code < 0x20 || code === 0x7f) return `^${String.fromCharCode(code ^ 0x40)}`;
  return `\u27e8U+${code.toString(16).toUpperCase().padStart(4, "0")}\u27e9`;
}

// Text of others for one line of a page: what cannot be seen becomes visible, and it ends somewhere.
export function visible(text: string, max = 400): string {
  const cut = text.length > max ? `${text.slice(0, max)}…` : text;
  return cut.replace(UNSEEN, picture);
}

// The same for text of many lines: line ends and tabs stay what they are.
export function visible_lines(text: string): string {
  return text.replace(/\r\n/g, "\n").replace(UNSEEN, (c) => (c === "\n" || c === "\t" ? c : picture(c)));
}

// One argument as a shell would need it, for commands that people copy.
export function shell_word(word: string): string {
  return /^[A-Za-z0-9_@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

// A resource vector as people say it: "4 cpus, 8.0 GiB memory, 1 gpu".
export function amounts(r: Record<string, number | null> | null | undefined): string {
  const plain: Record<string, string> = { cpus: "cpu", gpus: "gpu" };
  return Object.entries(r ?? {})
    .filter((e): e is [string, number] => typeof e[1] === "number" && e[1] > 0)
    .map(([name, n]) => (name === "memory" ? `${bytes(n)} memory` : `${count(n)} ${visible((n === 1 && plain[name]) || name, 40)}`))
    .join(", ");
}

// How long the rest takes, as a band: "about 5 min left", "4–9 min left", "40 s to 2 min left".
export function remaining(band: { low: number; high: number }): string {
  const unit = (s: number) => (s < 90 ? `${Math.max(1, Math.round(s))} s` : s < 5400 ? `${Math.round(s / 60)} min` : s < 172_800 ? `${(s / 3600).toFixed(s < 36_000 ? 1 : 0)} h` : `${Math.round(s / 86_400)} d`);
  const low = unit(band.low);
  const high = unit(band.high);
  if (low === high) return `about ${low} left`;
  const [a, b] = [low.split(" "), high.split(" ")];
  return a[1] === b[1] ? `${a[0]}–${b[0]} ${b[1]} left` : `${low} to ${high} left`;
}

// A change that the server proposes (members to be put over a job), in words: "memory 32 GiB, sites any".
export function change_text(change: Record<string, unknown>): string {
  return Object.entries(change)
    .map(([name, value]) => {
      if (name === "resources" && value && typeof value === "object") {
        return Object.entries(value as Record<string, number>)
          .map(([r, n]) => `${visible(r, 40)} ${r === "memory" ? bytes(n) : count(n)}`)
          .join(", ");
      }
      if (name === "time_limit" && typeof value === "number") return `time limit ${seconds(value)}`;
      if (Array.isArray(value)) return `${visible(name, 40)} ${value.length ? visible(value.join(", "), 200) : "any"}`;
      return `${visible(name, 40)} ${visible(typeof value === "object" ? JSON.stringify(value) : String(value), 200)}`;
    })
    .join(", ");
}
