// SPDX-License-Identifier: Apache-2.0
// tabs.ts - the parts of one job that come when the first of them is opened.

import { sheet_use } from "../sheet";
import text from "./job.sheet.css";

sheet_use(text);

export { FilesTab } from "./files";
export { GraphTab } from "./graph";
export { MetricsTab } from "./metrics";
export { SpecTab } from "./spec";
export { TimelineTab } from "./timeline";
