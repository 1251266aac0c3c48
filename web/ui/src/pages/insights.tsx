// SPDX-License-Identifier: Apache-2.0
export { Insights } from "../world/insights";
export { Wall } from "../world/wall";
