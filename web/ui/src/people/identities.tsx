// SPDX-License-Identifier: Apache-2.0
// identities.tsx - who one is where people sign in elsewhere, and a code that signs a command line in.

import { useEffect, useState } from "preact/hooks";
import { get } from "../api";
import { Ago, Notice, Section, Text } from "../parts/basic";
import { visible } from "../format";
import { go } from "../router";
import { Table } from "../world/table";
import { use_asked, use_doing } from "./ask";
import { AskButton, Once, Trouble } from "./parts";
import type { Identity, List } from "./types";
import { w } from "./words";

// What the way to the provider and back came to: "" it is linked, else why not; null: nobody was there.
function use_linked(): string | null {
  const [said, set_said] = useState<string | null>(null);
  useEffect(() => {
    const linked = new URLSearchParams(location.hash.slice(1)).get("linked");
    if (linked === null) return;
    go(location.pathname + location.search, "replace");
    set_said(linked);
  }, []);
  return said;
}

export function Identities() {
  const { data, problem, again } = use_asked<List<Identity>>("/v1/me/identities");
  const [label, set_label] = useState<string | null>(null);
  const said = use_linked();
  const doing = use_doing();
  useEffect(() => {
    void get<{ oidc: { label: string } | null }>("/v1/login").then((ways) => set_label(ways.oidc?.label ?? null), () => {});
  }, []);
  const link = () => doing.run<{ url: string }>("POST", "/v1/me/identities", { then: "/account" }, "", (r) => location.assign(r.url));
  if (!label && !data?.items.length && said === null) return null;
  return (
    <Section id="identities" title={w.identities}>
      <p class="muted">{w.identities_lead}</p>
      {said === "" && <Notice tone="good" icon="check" title={w.identity_linked} />}
      {said && <Notice tone="warn" icon="warn" title={w.identity_failed}><p>{visible(said, 300)}</p></Notice>}
      <Trouble of={problem ?? doing.problem} />
      {data && data.items.length > 0 && (
        <Table
          caption={w.identities}
          items={data.items}
          id={(i) => i.id}
          columns={[
            { name: "issuer", word: w.identity_at, cell: (i) => <Text of={i.issuer} max={100} /> },
            { name: "subject", word: w.identity_as, cell: (i) => <Text of={i.subject} max={60} /> },
            { name: "used", word: w.col_used, num: true, cell: (i) => <Ago at={i.used_at} /> },
            {
              name: "acts", word: "", whole: true,
              cell: (i) => (
                <AskButton
                  label={w.identity_remove}
                  danger
                  question={{ title: w.identity_remove_title(visible(i.issuer, 80)), text: <p>{w.identity_remove_text}</p>, yes: w.identity_remove, danger: true, call: { method: "DELETE", path: `/v1/me/identities/${i.id}` }, done: () => w.identity_removed }}
                  done={again}
                />
              ),
            },
          ]}
        />
      )}
      {label && (
        <button type="button" disabled={doing.busy} onClick={() => void link()}>
          {w.identity_link}
        </button>
      )}
    </Section>
  );
}

export function CommandLine() {
  const [code, set_code] = useState<string | null>(null);
  const doing = use_doing();
  const make = () => doing.run<{ url: string }>("POST", "/v1/login-links", {}, "", (r) => set_code(r.url.split("#code=")[1] ?? ""));
  return (
    <Section id="command-line" title={w.shell_title}>
      <p class="muted">
        {w.shell_lead} <code>reeve login {location.origin}</code>
      </p>
      {code && <Once title={w.shell_code} secret={code} />}
      <Trouble of={doing.problem} />
      <button type="button" disabled={doing.busy} onClick={() => void make()}>
        {w.shell_make}
      </button>
    </Section>
  );
}
