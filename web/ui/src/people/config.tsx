// SPDX-License-Identifier: Apache-2.0
// config.tsx - the settings in effect, and where each comes from.

import { useState } from "preact/hooks";
import { Section, Text } from "../parts/basic";
import { Table } from "../world/table";
import { use_asked } from "./ask";
import { Trouble } from "./parts";
import type { List, Setting } from "./types";
import { w } from "./words";

export function Config() {
  const { data, problem } = use_asked<List<Setting>>("/v1/config");
  const [all, set_all] = useState(false);
  const items = data?.items.filter((s) => all || s.source !== "default") ?? [];
  return (
    <Section id="config" title={w.config}>
      <p class="muted">{w.config_lead}</p>
      <Trouble of={problem} />
      <label class="check">
        <input type="checkbox" checked={all} onChange={(e) => set_all(e.currentTarget.checked)} />
        {w.config_all}
      </label>
      {data && (
        <Table
          caption={w.config}
          items={items}
          id={(s) => s.name}
          columns={[
            { name: "name", word: w.name, cell: (s) => <code title={s.help}>{s.name}</code> },
            { name: "value", word: w.config_value, cell: (s) => (s.secret ? <em>{w.config_secret}</em> : <Text of={s.value ?? ""} max={200} />) },
            { name: "from", word: w.config_from, cell: (s) => <Text of={s.where ?? s.source} max={120} /> },
            { name: "default", word: w.config_default, wide: true, cell: (s) => <Text of={s.default} max={80} /> },
          ]}
        />
      )}
    </Section>
  );
}
