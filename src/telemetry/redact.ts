/**
 * The last defence of every log line: removes strings with the shape of a token or a secret, should a message carry one
 * against the rules.
 */

const REDACTED = "[redacted]";

/** JWTs (signed or not), our client secrets and refresh tokens, credentials in headers, passwords in URLs, private keys. */
const SHAPES: readonly (readonly [RegExp, string])[] = [
  [/\beyJ[\w-]{5,}\.[\w-]*(?:\.[\w-]*)*/g, REDACTED],
  [/\bic[mr]_[\w.-]{8,}/g, REDACTED],
  [/\b(Basic|Bearer) [\w+/=.~-]{8,}/gi, `$1 ${REDACTED}`],
  [/(\/\/[^\s/@:]{0,256}):[^\s/@]{1,512}@/g, `$1:${REDACTED}@`],
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g, REDACTED],
];

/** `text` without anything that looks like a token or a secret. */
export function redactSecrets(text: string): string {
  let safe = text;
  for (const [shape, replacement] of SHAPES) safe = safe.replace(shape, replacement);
  return safe;
}

/** Members of a logged object that are never printed, at the top and one level below. */
export const SECRET_MEMBERS: readonly string[] = [
  "authorization",
  "assertion",
  "clientAssertion",
  "clientSecret",
  "client_assertion",
  "client_secret",
  "accessToken",
  "access_token",
  "actorToken",
  "actor_token",
  "credentials",
  "password",
  "privateKey",
  "refreshToken",
  "refresh_token",
  "sealingKey",
  "secret",
  "subjectToken",
  "subject_token",
  "token",
].flatMap((name) => [name, `*.${name}`]);
