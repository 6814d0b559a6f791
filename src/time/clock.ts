/** The present, in milliseconds since the epoch. Passed in everywhere: tests need not sleep. */
export type Clock = () => number;

export const SECOND = 1000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

/**
 * Seconds since the epoch, rounded down. JWT claims (RFC 7519 section 2, NumericDate) and entries in Redis count in
 * them. Everywhere else instants are milliseconds.
 */
export function toSeconds(milliseconds: number): number {
  return Math.floor(milliseconds / SECOND);
}
