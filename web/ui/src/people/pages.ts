// SPDX-License-Identifier: Apache-2.0
// pages.ts - the pages about people, which come together.

export { Account } from "./account";
export { Admin } from "./admin";
export { Enter } from "./enter";
export { Setup } from "./setup";
