/**
 * Patterns of workloads' subjects, such as `system:serviceaccount:shop:*`. A subject is a row of parts with `:` or `/`
 * between them. `*` stands for one whole part: a pattern never matches a subject of another depth. In Vault's globs `*` also
 * crosses delimiters, and a rule for a namespace matches more than the namespace.
 */

/** The parts of a pattern or of a subject, with the delimiters between them as elements of their own. */
export type SubjectParts = readonly string[];

/**
 * What a `*` may match: the characters of client ids without `/`. A matched value stands in a client id as it is. Nothing
 * is encoded, and no two subjects have one id. `.` and `..` do not match: who reads an id as a path would drop them.
 */
const VALUE = /^(?!\.{1,2}$)[A-Za-z0-9._~@-]+$/;

export function isMatchedValue(value: string): boolean {
  return VALUE.test(value);
}

export function partsOf(text: string): SubjectParts {
  return text.split(/([:/])/);
}

export function countStars(pattern: SubjectParts): number {
  return pattern.filter((part) => part === "*").length;
}

/** What each `*` matches, in order. Undefined if the subject does not match as a whole. */
export function matchParts(pattern: SubjectParts, subject: SubjectParts): readonly string[] | undefined {
  if (pattern.length !== subject.length) return undefined;
  const values: string[] = [];
  for (const [at, part] of pattern.entries()) {
    const given = subject[at] ?? "";
    if (part === "*" && VALUE.test(given)) values.push(given);
    else if (part === "*" || part !== given) return undefined;
  }
  return values;
}

/** The subject that matches with these values: the inverse of `matchParts`. */
export function subjectWith(pattern: SubjectParts, values: readonly string[]): string {
  const left = [...values];
  return pattern.map((part) => (part === "*" ? (left.shift() ?? "") : part)).join("");
}

/** The pattern of the subjects that both match; undefined if there are none. */
export function commonPattern(one: SubjectParts, other: SubjectParts): SubjectParts | undefined {
  if (one.length !== other.length) return undefined;
  const common: string[] = [];
  for (const [at, part] of one.entries()) {
    const opposite = other[at] ?? "";
    if (part === "*" && (opposite === "*" || VALUE.test(opposite))) common.push(opposite);
    else if (part !== "*" && (part === opposite || (opposite === "*" && VALUE.test(part)))) common.push(part);
    else return undefined;
  }
  return common;
}

/** Where a subject stops matching, for people; undefined if it matches. */
export function describeDifference(pattern: SubjectParts, subject: SubjectParts): string | undefined {
  if (pattern.length !== subject.length) {
    return `it has ${countParts(subject)} parts, and the pattern ${countParts(pattern)}`;
  }
  const at = pattern.findIndex(
    (part, index) => part !== subject[index] && !(part === "*" && VALUE.test(subject[index] ?? "")),
  );
  if (at < 0) return undefined;
  const given = JSON.stringify(subject[at]);
  if (pattern[at] === "*") return `${given} is empty, or holds a character that no client id has`;
  return `${given} stands where the pattern has ${JSON.stringify(pattern[at])}`;
}

function countParts(parts: SubjectParts): number {
  return (parts.length + 1) / 2;
}
