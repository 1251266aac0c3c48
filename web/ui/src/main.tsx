// SPDX-License-Identifier: Apache-2.0
import { render } from "preact";

const root = document.getElementById("app");
if (root) render(<main>Reeve</main>, root);
