// SPDX-License-Identifier: Apache-2.0
// traffic.tsx - transfers and links as one piece: the second needs what the first has.

export { Transfers } from "../world/transfers";
export { Links } from "../world/links";
