// SPDX-License-Identifier: Apache-2.0
// invitations.tsx - links that let somebody new in, of the grid or of one project.

import { useState } from "preact/hooks";
import { Ago, Badge, Section, Text } from "../parts/basic";
import { visible } from "../format";
import { Table } from "../world/table";
import { use_asked, use_doing } from "./ask";
import { Choice, Field, Fold, Once, role_choices, Trouble } from "./parts";
import type { Invitation, List, Role } from "./types";
import { project_roles, w } from "./words";

const HOURS = ["24", "72", "168", "720"];

export function Invitations({ project }: { project: string | null }) {
  const base = project === null ? "/v1/invitations" : `/v1/projects/${encodeURIComponent(project)}/invitations`;
  const { data, problem, again } = use_asked<List<Invitation>>(base);
  const [role, set_role] = useState<Role>("submitter");
  const [into, set_into] = useState("");
  const [project_role, set_project_role] = useState<Role>("submitter");
  const [valid, set_valid] = useState("72");
  const [note, set_note] = useState("");
  const [url, set_url] = useState<string | null>(null);
  const doing = use_doing();
  const make = async (e: SubmitEvent) => {
    e.preventDefault();
    const where = project === null ? { role, ...(into.trim() ? { project: into.trim(), project_role } : {}) } : { project_role };
    const body = { ...where, valid: `${valid}h`, ...(note.trim() ? { note: note.trim() } : {}) };
    if (await doing.run<{ url: string }>("POST", base, body, "", (r) => set_url(new URL(r.url, location.origin).href))) again();
  };
  const state = (i: Invitation) =>
    i.used_at ? <Badge icon="check" tone="good">{w.invite_used(visible(i.used_by ?? "", 40))}</Badge> : Date.parse(i.expires_at) < Date.now() ? <Badge icon="clock" tone="calm">{w.invite_over}</Badge> : <Badge icon="link" tone="busy">{w.invite_open}</Badge>;
  return (
    <Section id="invitations" title={w.tab_invitations}>
      <Trouble of={problem} />
      {url && <Once title={w.invite_is} secret={url} />}
      {data && data.items.length === 0 && <p class="muted">{w.invites_none}</p>}
      {data && data.items.length > 0 && (
        <Table
          caption={w.tab_invitations}
          items={data.items}
          id={(i) => i.id}
          columns={[
            { name: "for", word: w.invite_for, cell: (i) => <><Text of={i.note || i.role} max={100} /> {i.project && <span class="muted"><Text of={`${i.project}: ${i.project_role ?? ""}`} max={100} /></span>}</> },
            { name: "state", word: w.col_state, cell: state },
            { name: "made", word: w.col_made, num: true, cell: (i) => <><Ago at={i.made_at} /> <span class="muted"><Text of={i.made_by} max={40} /></span></> },
            {
              name: "acts", word: "", whole: true,
              cell: (i) => !i.used_at && <button type="button" disabled={doing.busy} onClick={() => void doing.run("DELETE", `${base}/${i.id}`, undefined, w.user_changed).then(again)}>{w.invite_drop}</button>,
            },
          ]}
        />
      )}
      <Fold title={w.invite}>
        <form onSubmit={make}>
          {project === null && (
            <>
              <Choice label={w.role} value={role} set={set_role} of={role_choices} />
              <Field label={w.tab_projects} value={into} set={set_into} max={64} />
            </>
          )}
          {(project !== null || into.trim()) && <Choice label={w.project_members} value={project_role} set={set_project_role} of={Object.entries(project_roles) as [Role, string][]} />}
          <Choice label={w.invite_valid} value={valid} set={set_valid} of={HOURS.map((h) => [h, w.invite_hours(Number(h))])} />
          <Field label={w.invite_note} value={note} set={set_note} />
          <Trouble of={doing.problem} />
          <button class="primary" disabled={doing.busy}>
            {w.invite_make}
          </button>
        </form>
      </Fold>
    </Section>
  );
}
