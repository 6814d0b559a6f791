/** The present, in milliseconds since the epoch. Passed in everywhere: tests need not sleep. */
export type Clock = () => number;

export const SECOND = 1000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

/** Whole seconds since the epoch, as JWT claims count them (RFC 7519 section 2, NumericDate). */
export function toSeconds(milliseconds: number): number {
  return Math.floor(milliseconds / SECOND);
}
