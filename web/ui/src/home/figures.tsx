// SPDX-License-Identifier: Apache-2.0
// figures.tsx - single numbers out of the plots of the grid's history.

import { Text } from "../parts/basic";
import { use_dependent } from "../dependent";
import { count, visible } from "../format";
import { Link } from "../router";

export interface Series {
  name: string;
  unit: string;
  site: string | null;
  values: (number | null)[];
}
export interface Insight {
  series: Series[];
}

const FAILURES = 6;

export const use_insight = (plot: string, range: string, version: unknown): Insight | null => use_dependent<Insight>(`/v1/insights/${plot}?range=${range}`, version).data;

const known = (s: Series) => s.values.filter((v): v is number => v !== null);
export const last_of = (s: Series): number | null => known(s).pop() ?? null;
export const sum_of = (s: Series): number => known(s).reduce((a, b) => a + b, 0);
export const mean_of = (s: Series): number | null => (known(s).length ? sum_of(s) / known(s).length : null);

// What failed most, by site and outcome.
export function Failing({ of: i, site, none }: { of: Insight | null; site?: string; none: string }) {
  const rows = (i?.series ?? [])
    .filter((s) => s.site && (!site || s.site === site))
    .map((s) => ({ site: s.site!, name: s.name, n: sum_of(s) }))
    .filter((r) => r.n > 0)
    .sort((a, b) => b.n - a.n)
    .slice(0, FAILURES);
  if (rows.length === 0) return <p class="muted">{none}</p>;
  return (
    <ul class="mine">
      {rows.map((r) => (
        <li key={`${r.site} ${r.name}`}>
          <div class="mine-line">
            <b class="num">{count(r.n)}</b>
            <span>{visible(r.name.replaceAll("_", " "), 40)}</span>
            <span class="grow" />
            {!site && (
              <Link to={`/sites/${encodeURIComponent(r.site)}`}>
                <Text of={r.site} max={64} />
              </Link>
            )}
          </div>
        </li>
      ))}
    </ul>
  );
}
