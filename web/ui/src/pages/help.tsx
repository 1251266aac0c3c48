// SPDX-License-Identifier: Apache-2.0
export { ApiDocs } from "../world/api_docs";
export { ErrorsPage, Help } from "../world/help";
