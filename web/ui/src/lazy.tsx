// SPDX-License-Identifier: Apache-2.0
// lazy.tsx - a page, or a part of one, whose program comes when it is opened for the first time.

import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Problem } from "./api";
import { Failure } from "./parts/basic";
import { words } from "./strings";

export function lazy<P extends object>(load: () => Promise<ComponentType<P>>): ComponentType<P> {
  let loaded: ComponentType<P> | null = null;
  return function Lazy(props: P) {
    const [page, set_page] = useState<{ page: ComponentType<P> } | null>(loaded && { page: loaded });
    const [problem, set_problem] = useState<Problem | null>(null);
    useEffect(() => {
      if (page) return;
      void load().then(
        (p) => {
          loaded = p;
          set_page({ page: p });
        },
        () => set_problem(new Problem(0, "", words.page_failed, words.page_failed_fix)),
      );
    }, []);
    if (problem) return <Failure problem={problem} />;
    if (!page) return <p class="boot">{words.loading}</p>;
    const Loaded = page.page;
    return <Loaded {...props} />;
  };
}
