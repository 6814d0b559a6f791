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

/**
 * An instant without its part of a second, in milliseconds. What goes into a claim or into the log of revocations is cut
 * where it is made: both hold whole seconds, and who reads them must find the same instant.
 */
export function wholeSecond(milliseconds: number): number {
  return toSeconds(milliseconds) * SECOND;
}
