// SPDX-License-Identifier: Apache-2.0
// password.tsx - a new password, twice, looked at before it is sent.

import { useState } from "preact/hooks";
import { Field } from "./parts";
import { w } from "./words";

const MIN = 12; // the server's rule, in bytes

export interface TwoPasswords {
  first: string;
  fits: boolean;
  clear: () => void;
  fields: () => preact.JSX.Element;
}

export function use_passwords(): TwoPasswords {
  const [first, set_first] = useState("");
  const [again, set_again] = useState("");
  const short = new TextEncoder().encode(first).length < MIN;
  const differs = again !== "" && again !== first;
  const fields = () => (
    <>
      <Field label={w.password_new} type="password" value={first} set={set_first} hint={first && short ? w.password_short : w.password_rule} complete="new-password" max={1024} need />
      <Field label={w.password_again} type="password" value={again} set={set_again} complete="new-password" max={1024} need />
      <p class="wrong" aria-live="polite">
        {differs ? w.password_differs : ""}
      </p>
    </>
  );
  return {
    first,
    fits: !short && first === again,
    clear: () => (set_first(""), set_again("")),
    fields,
  };
}
