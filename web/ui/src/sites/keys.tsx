// SPDX-License-Identifier: Apache-2.0
// keys.tsx - the machines of a site and who they say they are: their keys are compared and confirmed by a person.

import { useState } from "preact/hooks";
import { Badge, Command, Text } from "../parts/basic";
import { Ask } from "../parts/dialog";
import { shell_word, visible } from "../format";
import type { Host, HostKey, Site } from "../types";
import { w } from "./words";

// What prints the fingerprint at the machine itself.
export const KEYGEN = "ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub";

export const host_name = (h: Host) => `${h.address.includes(":") ? `[${h.address}]` : h.address}${h.port === 22 ? "" : `:${h.port}`}`;

export const unpinned = (s: Site) => (s.hosts ?? []).some((h) => h.keys.length === 0 || h.keys.some((k) => !k.pinned));

export function Pin({ site, host, of: k, close }: { site: string; host: Host; of: HostKey; close: (acted: boolean) => void }) {
  const question = {
    title: w.pin_title,
    text: (
      <>
        <p>
          <Text of={host_name(host)} max={120} /> {visible(k.type, 40)}
        </p>
        <p class="fingerprint">
          <code>{visible(k.fingerprint, 120)}</code>
        </p>
        <p>{w.pin_text}</p>
        <Command line={KEYGEN} />
      </>
    ),
    yes: w.pin_yes,
    call: { method: "POST" as const, path: `/v1/sites/${encodeURIComponent(site)}/pin`, body: { host: host.address, hop: k.hop, fingerprint: k.fingerprint } },
    command: `reeve site pin ${shell_word(site)}`,
    done: () => w.pin_done,
  };
  return <Ask of={question} close={close} />;
}

interface HostsProps {
  of: Site;
  may: boolean;
  changed: () => void;
  remove?: (h: Host) => void;
}

export function HostKeys({ of: s, may, changed, remove }: HostsProps) {
  const [asked, set_asked] = useState<{ host: Host; key: HostKey } | null>(null);
  return (
    <ul class="hosts">
      {(s.hosts ?? []).map((h) => (
        <li key={host_name(h)}>
          <div class="host-line">
            <b>
              <Text of={host_name(h)} max={120} />
            </b>
            {h.jumps.length > 0 && (
              <span class="muted">
                {w.via} <Text of={h.jumps.join(", ")} max={200} />
              </span>
            )}
            <span class="grow" />
            {remove && may && (s.hosts?.length ?? 0) > 1 && (
              <button type="button" class="quiet" onClick={() => remove(h)}>
                {w.remove_host}
              </button>
            )}
          </div>
          {h.keys.length === 0 && <p class="muted">{w.host_nokey}</p>}
          {h.keys.map((k) => (
            <div key={`${k.hop} ${k.fingerprint}`} class="key-line">
              <span>
                {w.host_hop(k.hop)}
                {visible(k.type, 40)}{" "}
                <code class="fingerprint">{visible(k.fingerprint, 120)}</code>
              </span>
              {k.pinned ? (
                <Badge icon="check" tone="good">
                  {w.host_pinned}
                </Badge>
              ) : (
                <Badge icon="warn" tone="warn">
                  {w.host_unpinned}
                </Badge>
              )}
              {!k.pinned && may && (
                <button type="button" class="primary" onClick={() => set_asked({ host: h, key: k })}>
                  {w.confirm}
                </button>
              )}
            </div>
          ))}
        </li>
      ))}
      {asked && (
        <Pin
          site={s.name}
          host={asked.host}
          of={asked.key}
          close={(acted) => {
            set_asked(null);
            if (acted) changed();
          }}
        />
      )}
    </ul>
  );
}

// What puts our key into place, for pasting into a shell of the account.
export const install_line = (key: string) => `umask 077 && mkdir -p ~/.ssh && echo ${shell_word(key)} >> ~/.ssh/authorized_keys`;
