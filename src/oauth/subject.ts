/** The rule for names of subjects and actors, from a trusted issuer or an unsecured JWT. */

const MAX_SUBJECT_LENGTH = 2048;

/** No control, format or unpaired surrogate character, and no line break: a name that a log and a person can show. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;

/** Whether a claim's value can name somebody: a string of at most 2048 characters that looks like what it is. */
export function isSubject(value: unknown): value is string {
  return typeof value === "string" && value !== "" && value.length <= MAX_SUBJECT_LENGTH && !UNPRINTABLE.test(value);
}
