import { type Clock, HOUR, MINUTE } from "../time/clock.js";

/** Refusals by client and reason. */
export type RefusalCounts = ReadonlyMap<string, ReadonlyMap<string, number>>;

/** Clients and reasons in one minute: more come only from a flood, which is counted without a client. */
const MAX_COUNTS = 2000;
const MINUTES = HOUR / MINUTE;

/** Counts in minutes, and forgets what is over an hour old. */
export function createHourTally(clock: Clock) {
  let minutes: { readonly minute: number; readonly counts: Map<string, Map<string, number>>; size: number }[] = [];

  function present() {
    const minute = Math.floor(clock() / MINUTE);
    const last = minutes.at(-1);
    if (last?.minute === minute) return last;
    minutes = minutes.filter((one) => one.minute > minute - MINUTES);
    const begun = { minute, counts: new Map<string, Map<string, number>>(), size: 0 };
    minutes.push(begun);
    return begun;
  }

  return {
    add(clientId: string, why: string): void {
      const now = present();
      const isNew = now.counts.get(clientId)?.has(why) !== true;
      if (isNew && now.size >= MAX_COUNTS && clientId !== "") return this.add("", why);
      if (isNew) now.size++;
      addRefusals(now.counts, new Map([[clientId, new Map([[why, 1]])]]));
    },
    lastHour(): RefusalCounts {
      const total = new Map<string, Map<string, number>>();
      present();
      for (const { counts } of minutes) addRefusals(total, counts);
      return total;
    },
  };
}

export function addRefusals(to: Map<string, Map<string, number>>, counts: RefusalCounts): void {
  for (const [clientId, reasons] of counts) {
    const known = to.get(clientId) ?? new Map<string, number>();
    to.set(clientId, known);
    for (const [why, count] of reasons) known.set(why, (known.get(why) ?? 0) + count);
  }
}
