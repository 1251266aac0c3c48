// SPDX-License-Identifier: Apache-2.0
// data.tsx - the pages about datasets, as one piece that is loaded when the first of them is opened.

export { Datasets } from "../world/datasets";
export { DataNew } from "../world/data_new";
export { DatasetPage } from "../world/dataset";
