// SPDX-License-Identifier: Apache-2.0
// pages.ts - what of the home page comes when it is known who reads it.

export { Grid } from "./grid";
export { Mine } from "./mine";
export { MySites } from "./my_sites";
