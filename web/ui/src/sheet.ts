// SPDX-License-Identifier: Apache-2.0
// sheet.ts - styles that come with a page instead of with the first load.

const known = new Set<string>();

// Once for each text; later ones win over earlier ones, and over the first load's, whose rules are in layers.
export function sheet_use(text: string): void {
  if (known.has(text)) return;
  known.add(text);
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(text);
  document.adoptedStyleSheets.push(sheet);
}
