// SPDX-License-Identifier: Apache-2.0
// earth.ts - the Equal Earth projection (Šavrič, Patterson, Jenny 2018): areas keep their proportions. Pure.
// build.mjs draws the coast lines with the same function.

export const WIDTH = 1000;
const A = [1.340264, -0.081106, 0.000893, 0.003796] as const;
const M = Math.sqrt(3) / 2;
const X_MAX = Math.PI / (M * A[0]); // at the equator, 180 degrees east
const Y_MAX = 1.3173627591574133; // at the pole
const SCALE = WIDTH / (2 * X_MAX);
export const HEIGHT = 2 * Y_MAX * SCALE;

// Degrees to a point of a WIDTH x HEIGHT picture, north up.
export function project(longitude: number, latitude: number): [number, number] {
  const l = (Math.max(-180, Math.min(180, longitude)) * Math.PI) / 180;
  const t = Math.asin(M * Math.sin((Math.max(-90, Math.min(90, latitude)) * Math.PI) / 180));
  const t2 = t * t;
  const t6 = t2 * t2 * t2;
  const x = (l * Math.cos(t)) / (M * (A[0] + 3 * A[1] * t2 + t6 * (7 * A[2] + 9 * A[3] * t2)));
  const y = t * (A[0] + A[1] * t2 + t6 * (A[2] + A[3] * t2));
  return [WIDTH / 2 + x * SCALE, HEIGHT / 2 - y * SCALE];
}

const line = (points: [number, number][]) => `M${points.map(([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`).join("L")}`;
const steps = (from: number, to: number, by: number) => Array.from({ length: Math.floor((to - from) / by) + 1 }, (_, i) => from + i * by);

// Every thirty degrees.
export const graticule = [
  ...steps(-180, 180, 30).map((l) => line(steps(-90, 90, 5).map((p) => project(l, p)))),
  ...steps(-60, 60, 30).map((p) => line(steps(-180, 180, 10).map((l) => project(l, p)))),
].join("");
