// SPDX-License-Identifier: Apache-2.0
// theme.ts - colours as the system wants them, or as the reader does.

import { signal } from "@preact/signals";
import { words } from "./strings";

const KEY = "reeve-theme";
export const themes = { auto: words.theme_auto, light: words.theme_light, dark: words.theme_dark, contrast: words.theme_contrast };
export type Theme = keyof typeof themes;

function remembered(): Theme {
  try {
    const name = localStorage.getItem(KEY) ?? "auto";
    return Object.hasOwn(themes, name) ? (name as Theme) : "auto";
  } catch {
    return "auto"; // storage may be forbidden
  }
}

export const theme = signal<Theme>(remembered());
theme.subscribe((name) => {
  document.documentElement.dataset.theme = name;
});

export const theme_word = () => themes[theme.value];

export function theme_next(): void {
  const names = Object.keys(themes) as Theme[];
  theme_set(names[(names.indexOf(theme.value) + 1) % names.length]!);
}

export function theme_set(to: Theme): void {
  theme.value = to;
  try {
    localStorage.setItem(KEY, theme.value);
  } catch {
    // then it lasts as long as the page
  }
}
