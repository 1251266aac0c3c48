// SPDX-License-Identifier: Apache-2.0
// paint.ts - what drawings on a canvas share: the colours of the page, and a canvas as sharp as its screen.

import { useEffect, useState } from "preact/hooks";
import type { RefObject } from "preact";

// Custom properties of the style as colours that a canvas takes; a probe resolves what depends on the theme.
export function colours_of(host: HTMLElement, names: readonly string[]): Record<string, string> {
  const probe = document.createElement("i");
  probe.hidden = true;
  host.append(probe);
  const found: Record<string, string> = {};
  for (const name of names) {
    probe.style.color = `var(--${name})`;
    found[name] = getComputedStyle(probe).color;
  }
  probe.remove();
  return found;
}

// Size the canvas for the screen and empty it. Null where a browser has none.
export function canvas_begin(canvas: HTMLCanvasElement, width: number, height: number): CanvasRenderingContext2D | null {
  const ratio = Math.min(2, devicePixelRatio || 1);
  const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== w) canvas.width = w;
  if (canvas.height !== h) canvas.height = h;
  const c = canvas.getContext("2d");
  if (!c) return null;
  c.setTransform(ratio, 0, 0, ratio, 0, 0);
  c.clearRect(0, 0, width, height);
  return c;
}

// How wide an element is, followed.
export function use_width(box: RefObject<HTMLElement | null>, again: unknown): number {
  const [width, set_width] = useState(0);
  useEffect(() => {
    const measure = new ResizeObserver(([e]) => e && set_width(Math.floor(e.contentRect.width)));
    if (box.current) measure.observe(box.current);
    return () => measure.disconnect();
  }, [again]);
  return width;
}

// Something that changes when the colours of the page do.
export function use_theme(): string {
  const now = () => `${document.documentElement.dataset["theme"] ?? ""} ${matchMedia("(prefers-color-scheme: dark)").matches}`;
  const [theme, set_theme] = useState(now);
  useEffect(() => {
    const look = () => set_theme(now());
    const system = matchMedia("(prefers-color-scheme: dark)");
    const page = new MutationObserver(look);
    page.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
    system.addEventListener("change", look);
    return () => {
      page.disconnect();
      system.removeEventListener("change", look);
    };
  }, []);
  return theme;
}
