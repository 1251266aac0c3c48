// SPDX-License-Identifier: Apache-2.0
// preview.tsx - what would happen to the job that is being written: asked from the server while one writes.

import { useEffect, useState } from "preact/hooks";
import { path_of, post, Problem } from "../api";
import { Badge, Failure, Notice, Text } from "../parts/basic";
import { Candidates, Funnel, NeverRuns, StartBand, WouldHelp } from "../parts/explain";
import { change_text, count } from "../format";
import type { Forecast, Submitted, Warning } from "../types";
import type { Body } from "./body";
import { w } from "./words";

const SETTLE_MS = 600; // after the last key

export interface Looked {
  body: string; // what was asked about
  checked: Submitted | Problem | null;
  forecast: Forecast | null;
  busy: boolean;
}

const NOTHING: Looked = { body: "", checked: null, forecast: null, busy: false };

// Ask about `body` when it has stood still for a moment. What comes back late for an older one is dropped.
export function use_preview(body: Body | null): Looked {
  const [looked, set_looked] = useState<Looked>(NOTHING);
  const text = body ? JSON.stringify(body) : "";
  useEffect(() => {
    if (!body) {
      set_looked(NOTHING);
      return;
    }
    let wanted = true;
    set_looked((l) => ({ ...l, busy: true }));
    const look = async () => {
      const checked = await post<Submitted>(path_of("/v1/jobs", { dry_run: "true" }), body).catch((reason: unknown) => Problem.from(reason));
      // A job that is wrong has no future to ask about.
      const forecast = checked instanceof Problem ? null : await post<Forecast>("/v1/explain", body).catch(() => null);
      if (wanted) set_looked({ body: text, checked, forecast, busy: false });
    };
    const timer = setTimeout(() => void look(), SETTLE_MS);
    return () => {
      wanted = false;
      clearTimeout(timer);
    };
  }, [text]);
  return looked;
}

function Warnings({ of: warnings, apply }: { of: Warning[]; apply: ((fix: Body) => void) | null }) {
  return (
    <>
      {warnings.slice(0, 10).map((x) => (
        <Notice key={x.sentence} tone="warn" icon="warn" title={<Text of={x.sentence} max={400} />}>
          {x.fix !== null && typeof x.fix === "object" && (
            <p>
              <b>{change_text(x.fix as Body)}</b>{" "}
              {apply && (
                <button type="button" onClick={() => apply(x.fix as Body)}>
                  {w.fix_apply}
                </button>
              )}
            </p>
          )}
        </Notice>
      ))}
    </>
  );
}

export function Preview({ of: l, apply }: { of: Looked; apply: ((fix: Body) => void) | null }) {
  const { checked, forecast: f } = l;
  if (checked === null) return <p class="muted">{l.busy ? w.preview_asking : w.preview_ask}</p>;
  if (checked instanceof Problem) return <Failure problem={checked} />;
  const never = f && !f.can_ever_run;
  const told = new Set((f?.warnings ?? []).map((x) => x.sentence));
  const warnings = never ? [] : [...(f?.warnings ?? []), ...checked.warnings.filter((x) => !told.has(x.sentence))];
  return (
    <div class={`preview ${l.busy ? "old" : ""}`}>
      <p>
        <Badge icon={never ? "warn" : "check"} tone={never ? "warn" : "good"}>
          {w.preview_ok(count(checked.tasks))}
        </Badge>
      </p>
      {!f && checked.warnings.length === 0 && <p class="muted">{w.preview_unasked}</p>}
      {never && (
        <>
          <NeverRuns sentence={f.never?.sentence ?? f.sentence} fix={f.never?.fix} />
          {f.never?.fix && apply && (
            <p>
              <button type="button" onClick={() => apply(f.never!.fix!)}>
                {w.fix_apply_as(change_text(f.never!.fix!))}
              </button>
            </p>
          )}
        </>
      )}
      <Warnings of={warnings} apply={apply} />
      {f && !never && (
        <p class="lead">
          <Text of={f.sentence} max={600} />
        </p>
      )}
      {f?.start && <StartBand of={f.start} />}
      {f?.best && (
        <p>
          {w.preview_best} <b><Text of={f.best} max={64} /></b>
        </p>
      )}
      {f && <WouldHelp of={f.would_help ?? []} />}
      {f && f.candidates?.length > 0 && (
        <details>
          <summary>{w.preview_sites}</summary>
          <Candidates of={{ site: f.best ?? "", candidates: f.candidates }} />
        </details>
      )}
      {f && f.funnel?.length > 0 && (
        <details open={!!never}>
          <summary>{w.preview_funnel}</summary>
          <Funnel of={f.funnel} />
        </details>
      )}
    </div>
  );
}
