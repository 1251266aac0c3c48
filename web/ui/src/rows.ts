// SPDX-License-Identifier: Apache-2.0
// rows.ts - jobs that a list shows, kept fresher than the list.
//
// On a busy grid news of "jobs" in general are told about once a second, and less often where many listen; news of one
// job come at once. So a list listens to the jobs it shows that may still change, and asks for them together, by number.

import { paused } from "./live";
import { send, path_of } from "./api";
import { listen } from "./stream";
import type { Job, Page } from "./types";

const ROWS_MAX = 40; // listened to: a stream has room for 100 topics, of all tabs
const PACE_MS = 250;

export class Rows {
  private ids: number[] = [];
  private etag: string | null = null;
  private unlisten = () => {};
  private timer: ReturnType<typeof setTimeout> | undefined;
  private asked_at = 0;
  private asking = false;
  private again = false;

  constructor(private readonly on_jobs: (jobs: Job[]) => void) {}

  // These are shown and may change, in order. Another set of topics is another stream, so that those that ended stay,
  // and a few that are missing may: the list itself brings their news.
  show(ids: number[]): void {
    const wanted = ids.slice(0, ROWS_MAX);
    const missing = wanted.filter((id) => !this.ids.includes(id)).length;
    if (missing * 4 < Math.max(wanted.length, 1)) return;
    this.unlisten();
    this.ids = wanted;
    this.etag = null;
    this.unlisten = listen(wanted.map((id) => `job:${id}`), () => this.told());
  }

  stop(): void {
    this.unlisten();
    clearTimeout(this.timer);
    this.ids = [];
  }

  private told(): void {
    this.again = true;
    if (this.asking) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.ask(), Math.max(0, this.asked_at + PACE_MS - Date.now()));
  }

  private async ask(): Promise<void> {
    if (!this.ids.length || document.hidden || paused.value) return;
    this.asking = true;
    this.again = false;
    this.asked_at = Date.now();
    try {
      const reply = await send(path_of("/v1/jobs", { ids: this.ids.join(","), limit: ROWS_MAX }), { etag: this.etag });
      if (reply.status === 200 && this.ids.length) {
        this.etag = reply.headers.get("ETag");
        this.on_jobs(((await reply.json()) as Page<Job>).items);
      }
    } catch {
      // The list itself asks on, and says what is wrong.
    }
    this.asking = false;
    if (this.again) this.told();
  }
}
