import { DAY } from "../../time/clock.js";
import { type Activity, MAX_NAME_LENGTH, MAX_REPORT_LENGTH, MAX_USES, REPORT_LIFE_MS } from "../activity.js";
import type { RedisKeys } from "./keys.js";
import type { RedisCaller } from "./redis-caller.js";
import type { ScriptNow } from "./script-now.js";
import { activityShare } from "./scripts.js";

/** A secret that is used once a year is not unused. */
const LIFE_MS = 400 * DAY;
/** Before each name, so that none is a field of the script's own. */
const MARK = ":";

/** Two hashes in one slot. They are of no use to a request. */
export function createRedisActivity(needs: {
  readonly redis: RedisCaller;
  readonly keys: RedisKeys;
  readonly now: ScriptNow;
}): Activity {
  const { redis, keys, now } = needs;
  return {
    async share({ replica, report, uses }) {
      const named = [...uses].flatMap(([name, at]) => [MARK + name, Math.round(at)]);
      const args = [replica, report, MAX_USES, LIFE_MS, REPORT_LIFE_MS, now(), ...named];
      await redis.run(activityShare, [keys.uses, keys.reports], args);
    },
    async read() {
      const found = await redis.call((link) => Promise.all([link.hgetall(keys.uses), link.hgetall(keys.reports)]));
      const [fields, said] = found;
      const latest = now() || Date.now();
      const uses = new Map<string, number>();
      for (const [field, text] of Object.entries(fields)) {
        const at = instantOf(text);
        if (at === undefined || !field.startsWith(MARK) || field.length > MAX_NAME_LENGTH + 1) continue;
        uses.set(field.slice(1), at);
      }
      return { since: instantOf(fields["since"]) ?? latest, uses, reports: reportsOf(said, latest) };
    },
  };
}

function reportsOf(said: Readonly<Record<string, string>>, latest: number) {
  const reports = new Map<string, { readonly at: number; readonly report: string }>();
  for (const [replica, text] of Object.entries(said)) {
    const space = text.indexOf(" ");
    const at = instantOf(text.slice(0, Math.max(space, 0)));
    if (at === undefined || text.length > MAX_REPORT_LENGTH || at <= latest - REPORT_LIFE_MS) continue;
    reports.set(replica, { at, report: text.slice(space + 1) });
  }
  return reports;
}

/** Others can write here too. */
function instantOf(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}
