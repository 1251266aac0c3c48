// SPDX-License-Identifier: Apache-2.0
declare module "*.sheet.css" {
  const text: string;
  export default text;
}
// The coast lines of the world as the path of an SVG, projected by world/earth.ts; build.mjs makes it.
declare module "virtual:coast" {
  export const coast: string;
}
