import type { Clock } from "../../time/clock.js";
import { type Activity, MAX_USES, REPORT_LIFE_MS } from "../activity.js";

export function createMemoryActivity({ clock }: { readonly clock: Clock }): Activity {
  let since: number | undefined;
  let known = new Map<string, number>();
  const reports = new Map<string, { readonly at: number; readonly report: string }>();
  return {
    async share({ replica, report, uses }) {
      const now = clock();
      since ??= now;
      const added = [...uses.keys()].filter((name) => !known.has(name)).length;
      if (known.size + added > MAX_USES) {
        since = now;
        known = new Map();
      }
      for (const [name, at] of uses) known.set(name, Math.max(at, known.get(name) ?? 0));
      reports.set(replica, { at: now, report });
    },
    async read() {
      const now = clock();
      for (const [replica, { at }] of reports) if (at <= now - REPORT_LIFE_MS) reports.delete(replica);
      return { since: since ?? now, uses: new Map(known), reports: new Map(reports) };
    },
  };
}
