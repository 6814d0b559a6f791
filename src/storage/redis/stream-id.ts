/** Ids of stream entries: `<milliseconds>-<sequence>`, in order. */

/** Before every entry. */
export const FIRST_ID = "0-0";

/** Negative, zero or positive, as `a` comes before, with or after `b`. */
export function compareIds(a: string, b: string): number {
  const [aMs = 0, aSequence = 0] = a.split("-").map(Number);
  const [bMs = 0, bSequence = 0] = b.split("-").map(Number);
  return aMs - bMs || aSequence - bSequence;
}

/** The first id that an entry of `ms` earlier can have. */
export function earlierId(id: string, ms: number): string {
  return `${Math.max(0, Number(id.split("-")[0]) - ms)}-0`;
}
