// SPDX-License-Identifier: Apache-2.0
// ansi.ts - colours of terminal output as classes, for text that hostile programs write. Pure.
//
// Only "select graphic rendition" (ESC [ ... m) is acted on. Every other escape sequence and control stays in the text,
// where visible_lines shows it: nothing moves a cursor, sets a title or hides. A carriage return starts its line over,
// as progress meters mean it, unless everything is asked for as it is.

import { visible_lines } from "./format";

export interface Bit {
  text: string;
  look: string; // classes; "" plain
}

export interface Pen {
  fg: number | null; // 0-15
  bg: number | null;
  bold: boolean;
  dim: boolean;
  italic: boolean;
  under: boolean;
  inverse: boolean;
  rest: string; // the beginning of a sequence that the next piece continues
}

export const PLAIN: Pen = { fg: null, bg: null, bold: false, dim: false, italic: false, under: false, inverse: false, rest: "" };
const PARAMETERS_MAX = 16;

// The nearest of the sixteen to a colour of the cube of 256, or to one given by parts.
function nearest(r: number, g: number, b: number): number {
  const top = Math.max(r, g, b);
  if (top < 40) return 0;
  if (top - Math.min(r, g, b) < 30) return top > 200 ? 15 : top > 110 ? 7 : 8;
  const half = top * 0.6;
  return (r > half ? 1 : 0) + (g > half ? 2 : 0) + (b > half ? 4 : 0) + (top > 200 ? 8 : 0);
}

function of_256(n: number): number {
  if (n < 16) return n;
  if (n >= 232) return nearest(8 + 10 * (n - 232), 8 + 10 * (n - 232), 8 + 10 * (n - 232));
  const part = (i: number) => (i === 0 ? 0 : 55 + 40 * i);
  return nearest(part(Math.floor((n - 16) / 36)), part(Math.floor((n - 16) / 6) % 6), part((n - 16) % 6));
}

const flags: Record<number, Partial<Pen>> = {
  0: { ...PLAIN }, 1: { bold: true }, 2: { dim: true }, 3: { italic: true }, 4: { under: true }, 7: { inverse: true },
  22: { bold: false, dim: false }, 23: { italic: false }, 24: { under: false }, 27: { inverse: false }, 39: { fg: null }, 49: { bg: null },
};

function select(pen: Pen, parameters: string): Pen {
  const n = parameters.split(/[;:]/).slice(0, PARAMETERS_MAX).map(Number);
  let p = { ...pen };
  for (let i = 0; i < n.length; i++) {
    const v = n[i]!;
    const which = v === 38 ? "fg" : v === 48 ? "bg" : null;
    if (which && n[i + 1] === 5) {
      p[which] = of_256(Math.min(255, n[i + 2] ?? 0));
      i += 2;
    } else if (which && n[i + 1] === 2) {
      p[which] = nearest(n[i + 2] ?? 0, n[i + 3] ?? 0, n[i + 4] ?? 0);
      i += 4;
    } else if (v >= 30 && v <= 37) p.fg = v - 30;
    else if (v >= 90 && v <= 97) p.fg = v - 82;
    else if (v >= 40 && v <= 47) p.bg = v - 40;
    else if (v >= 100 && v <= 107) p.bg = v - 92;
    else if (flags[v]) p = { ...p, ...flags[v] };
  }
  return p;
}

function look_of(p: Pen): string {
  const [fg, bg] = p.inverse ? [p.bg ?? "bg", p.fg ?? "fg"] : [p.fg, p.bg];
  return [fg !== null && `f${fg}`, bg !== null && `b${bg}`, p.bold && "bold", p.dim && "dim", p.italic && "italic", p.under && "under"].filter(Boolean).join(" ");
}

const SEQUENCE = /\u001b\[([\d;:]{0,64})m/g;
const UNFINISHED = /\u001b(\[[\d;:]{0,64})?$/;

// What is written over is not shown: of each line the part behind its last carriage return.
function overwritten(text: string): string {
  return text.replace(/\r+\n/g, "\n").replace(/[^\n]*\r(?=[^\n])/g, (lost) => (lost.match(SEQUENCE) ?? []).join(""));
}

export function bits_of(text: string, pen: Pen): { bits: Bit[]; pen: Pen } {
  const all = overwritten(pen.rest + text);
  const tail = UNFINISHED.exec(all);
  const end = tail ? tail.index : all.length;
  const bits: Bit[] = [];
  let now: Pen = { ...pen, rest: "" };
  let at = 0;
  const put = (to: number) => {
    if (to > at) bits.push({ text: visible_lines(all.slice(at, to)), look: look_of(now) });
  };
  for (const m of all.slice(0, end).matchAll(SEQUENCE)) {
    put(m.index);
    now = select(now, m[1] ?? "");
    at = m.index + m[0].length;
  }
  put(end);
  return { bits, pen: { ...now, rest: all.slice(end) } };
}
