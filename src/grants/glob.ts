/**
 * Whether a string matches a pattern with `*` for any characters. Linear for each star, without backtracking: a hostile
 * pattern or subject costs no more.
 */
export function matchesGlob(subject: string, pattern: string): boolean {
  const [first = "", ...rest] = pattern.split("*");
  const last = rest.pop();
  if (last === undefined) return subject === pattern;
  if (!subject.startsWith(first) || !subject.endsWith(last) || subject.length < first.length + last.length)
    return false;
  let at = first.length;
  for (const part of rest) {
    const found = subject.indexOf(part, at);
    if (found < 0 || found + part.length > subject.length - last.length) return false;
    at = found + part.length;
  }
  return true;
}
