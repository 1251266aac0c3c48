// SPDX-License-Identifier: Apache-2.0
// sheet.ts - the styles of the home pages.

import { sheet_use } from "../sheet";
import text from "./home.sheet.css";

export const sheet = () => sheet_use(text);
