// SPDX-License-Identifier: Apache-2.0
import { sheet_use } from "../sheet";
import text from "./world.sheet.css";

sheet_use(text);
