// SPDX-License-Identifier: Apache-2.0
import type { IconName } from "../states";

// Strokes on a 16 x 16 grid; each has an outline of its own, so that it is told apart without colour.
const strokes: Record<IconName, string> = {
  check: "M3 8.5l3.2 3.2L13 4.8",
  cross: "M4 4l8 8M12 4l-8 8",
  clock: "M8 2.5a5.5 5.5 0 1 0 .01 0M8 5v3.2l2.2 1.4",
  play: "M5 3.5v9l7-4.5z",
  pause: "M5.5 3.5v9M10.5 3.5v9",
  ban: "M8 2.5a5.5 5.5 0 1 0 .01 0M4.2 4.2l7.6 7.6",
  question: "M5.8 6a2.2 2.2 0 1 1 3.3 1.9c-.8.5-1.1.9-1.1 1.7M8 12.3v.01",
  warn: "M8 2.5l6 10.5H2zM8 6.5v3M8 11.2v.01",
  dots: "M3.5 8v.01M8 8v.01M12.5 8v.01",
  lock: "M4 7.5h8v5.5H4zM5.5 7.5V5.5a2.5 2.5 0 0 1 5 0v2",
  search: "M7 2.5a4.5 4.5 0 1 0 .01 0M10.3 10.3L13.5 13.5",
  copy: "M6 6h7v7H6zM3.5 10H3V3h7v.5",
  theme: "M8 2.5a5.5 5.5 0 1 0 .01 0M8 2.5v11M10 3.5v9M12 5v6",
  wave: "M1.5 8h3l2-4.5 3 9 2-4.5h3",
  sleep: "M12.5 9.8A5.5 5.5 0 1 1 6.2 3.5a4.5 4.5 0 0 0 6.3 6.3z",
  back: "M9.5 3.5L5 8l4.5 4.5",
  down: "M8 2.5v8M4.5 7.5L8 11l3.5-3.5M3 13.5h10",
  user: "M8 2.5a2.6 2.6 0 1 0 .01 0M3 13.5c.6-2.8 2.5-4 5-4s4.400 1.200 5 4",
  plus: "M8 3v10M3 8h10",
  again: "M12.500 5.500A5.200 5.200 0 1 0 13.200 9M13 2.500v3.200h-3.200",
  bell: "M4 11.500h8l-1.200-1.800V7a2.800 2.800 0 0 0-5.600 0v2.700zM7 13.500h2M8 2.500v1.200",
  link: "M6.5 9.5l3-3M7 5l1.5-1.5a2.8 2.8 0 0 1 4 4L11 9M9 11l-1.5 1.5a2.8 2.8 0 0 1-4-4L5 7",
};

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 16 16" aria-hidden="true" focusable="false">
      <path d={strokes[name]} />
    </svg>
  );
}
