// SPDX-License-Identifier: Apache-2.0
// argv.ts - split a line into words as people expect: at spaces, with '...', "..." and \ keeping them together.
// Nothing is expanded. Returns null when a quote is not closed.

export function argv_of(line: string): string[] | null {
  const out: string[] = [];
  let word: string | null = null;
  let quote = "";
  for (let i = 0; i < line.length; i++) {
    const c = line[i]!;
    if (quote) {
      if (c === quote) quote = "";
      else if (c === "\\" && quote === '"' && i + 1 < line.length && '"\\'.includes(line[i + 1]!)) word += line[++i]!;
      else word += c;
    } else if (c === "'" || c === '"') {
      quote = c;
      word ??= "";
    } else if (c === "\\" && i + 1 < line.length) {
      word = (word ?? "") + line[++i]!;
    } else if (/\s/.test(c)) {
      if (word !== null) out.push(word);
      word = null;
    } else {
      word = (word ?? "") + c;
    }
  }
  if (quote) return null;
  if (word !== null) out.push(word);
  return out;
}
