/**
 * Whether a header was sent more than once. `rawHeaders` holds names and values in turn, as they were sent; Node's own
 * object keeps the first of two in silence.
 */
export function isRepeated(rawHeaders: readonly string[], lowerCaseName: string): boolean {
  let seen = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at];
    if (name?.length === lowerCaseName.length && name.toLowerCase() === lowerCaseName) seen += 1;
  }
  return seen > 1;
}
