// SPDX-License-Identifier: Apache-2.0
// sites.tsx - the pages about sites, as one piece that is loaded when the first of them is opened.

export { Sites } from "../sites/list";
export { SitePage } from "../sites/one";
export { SiteNew } from "../sites/new";
