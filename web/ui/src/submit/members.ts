// SPDX-License-Identifier: Apache-2.0
// members.ts - the members that a job in a file may have, for completion: from the server's own description.

import { get } from "../api";
import type { Offer, Offers } from "./code";

interface Schema {
  properties?: Record<string, Schema>;
  description?: string;
  type?: string | string[];
}

type Document = { paths: Record<string, Record<string, { requestBody?: { content: Record<string, { schema: Schema }> } }>> };

let members: Promise<Schema> | null = null;

function members_get(): Promise<Schema> {
  members ??= get<Document>("/v1/openapi.json").then(
    (d) => d.paths["/v1/jobs"]?.["post"]?.requestBody?.content["application/json"]?.schema ?? {},
    () => ((members = null), {}),
  );
  return members;
}

const offers_of = (s: Schema): Offer[] => Object.entries(s.properties ?? {}).map(([name, p]) => ({ word: `${name}: `, detail: [p.type].flat().filter((t) => t && t !== "null").join(" or "), help: p.description ?? "", rank: 0 }));

// At the beginning of a line; those of resources and the like wherever a line is indented.
export const member_offers: Offers = async (line) => {
  const at = /^(\s*)([a-z_]*)$/.exec(line);
  if (!at) return null;
  const all = await members_get();
  const inside = Object.values(all.properties ?? {}).filter((p) => p.properties);
  const offers = at[1] ? inside.flatMap(offers_of) : offers_of(all);
  return { replaces: at[2]!.length, offers: offers.filter((o, i) => offers.findIndex((x) => x.word === o.word) === i) };
};
