// SPDX-License-Identifier: Apache-2.0
// last_lines.tsx - the last lines that a job wrote, small, with the way to all of them: of a failure the error output.

import { useEffect, useState } from "preact/hooks";
import { bits_of, PLAIN } from "../ansi";
import { path_of, send } from "../api";
import { use_dependent } from "../dependent";
import { Section } from "./basic";
import { Link, query_with } from "../router";
import { words } from "../strings";
import type { Job, Page, Stream, Task } from "../types";

const BYTES = 4096;
const LINES = 12;

async function last_lines(job: number, task: number, attempt: number, stream: Stream): Promise<string[]> {
  const path = path_of(`/v1/jobs/${job}/tasks/${task}/log`, { stream, attempt, offset: -BYTES, limit: BYTES });
  const reply = await send(path, { headers: { Accept: "application/octet-stream" } });
  const text = new TextDecoder().decode(await reply.arrayBuffer());
  const plain = bits_of(text, PLAIN).bits.map((b) => b.text).join("");
  return plain.replace(/\n$/, "").split("\n").slice(-LINES);
}

export function LastLines({ of: j }: { of: Job }) {
  const state = j.tasks.failed ? "failed" : j.tasks.placed ? "placed" : j.tasks.succeeded ? "succeeded" : null;
  const { data } = use_dependent<Page<Task>>(state ? path_of(`/v1/jobs/${j.id}/tasks`, { state, limit: 1 }) : null, j);
  const task = data?.items[0];
  const attempt = task?.attempts[0];
  const stream: Stream = attempt?.state === "failed" && (attempt.stderr_bytes ?? 1) > 0 ? "stderr" : "stdout";
  const [lines, set_lines] = useState<string[]>([]);
  useEffect(() => {
    if (!task || !attempt) return;
    let wanted = true;
    void last_lines(j.id, task.task, attempt.attempt, stream).then(
      (l) => wanted && set_lines(l),
      () => wanted && set_lines([]), // the log's own page says why
    );
    return () => void (wanted = false);
  }, [data]);
  if (!task || !attempt || lines.join("") === "") return null;
  return (
    <Section
      id="last"
      title={j.tasks.total > 1 ? words.last_lines_of(stream, task.task) : words.last_lines(stream)}
      aside={<Link to={query_with({ tab: "log", task: j.tasks.total > 1 ? String(task.task) : null, stream: stream === "stderr" ? "stderr" : null })}>{words.last_all}</Link>}
    >
      <pre class="code" tabIndex={0} aria-labelledby="last">
        {lines.join("\n")}
      </pre>
    </Section>
  );
}
