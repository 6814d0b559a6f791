/** Digests of the words that an attacker tries first. */
import { secretDigest } from "../../clients/secret.js";

const WORDS = [
  "",
  ..."secret s3cr3t s3cret mysecret my-secret my_secret topsecret supersecret client_secret client-secret clientsecret".split(
    " ",
  ),
  ..."password passw0rd p@ssw0rd password1 password123 pass passwd changeme change-me change_me changeit default".split(
    " ",
  ),
  ..."admin administrator root user guest test testing test123 demo example foo bar foobar abc abc123 qwerty".split(
    " ",
  ),
  ..."123 1234 12345 123456 1234567 12345678 123456789 1234567890 0000 000000 111111 letmein welcome".split(" "),
  ..."iceberg polaris icemint catalog spark trino token credential credentials client null undefined none".split(" "),
];

const DIGESTS: ReadonlySet<string> = new Set(WORDS.flatMap((word) => [word, `${word}\n`]).map(secretDigest));

/** Whether a digest (lower-case hex) is that of a trivial word, or of the client's own id. */
export function isTrivialDigest(sha256: string, clientId: string | undefined): boolean {
  if (DIGESTS.has(sha256)) return true;
  return clientId !== undefined && [clientId, `${clientId}\n`].some((word) => secretDigest(word) === sha256);
}
