/**
 * `icemint client new ID`: makes a secret and shows it once, with the YAML for the settings, which holds only its
 * digest.
 */
import { secretDigest } from "../clients/secret.js";
import { stringify } from "yaml";
import { CLIENT_ID, MAX_CLIENT_ID } from "../config/clients/schema.js";
import { generateSecret } from "../config/clients/secret.js";

export const USAGE = "usage: icemint client new ID\n";

export interface ClientNewContext {
  /** The arguments after `client new`. */
  readonly args: readonly string[];
  readonly stdout: { write(text: string): unknown };
  readonly stderr: { write(text: string): unknown };
  /** Random bytes of cryptographic quality. */
  readonly randomBytes: (size: number) => Uint8Array;
}

/** Prints the secret and the YAML. Returns the exit code: 0, or 2 for wrong arguments. */
export function clientNew({ args, stdout, stderr, randomBytes }: ClientNewContext): number {
  const [id, ...rest] = args;
  if (id === undefined || rest.length > 0 || id.startsWith("-")) {
    stderr.write(USAGE);
    return 2;
  }
  if (!CLIENT_ID.test(id) || id.length > MAX_CLIENT_ID) {
    stderr.write(
      `icemint: a client id holds only letters, digits and . _ ~ @ / - (at most ${MAX_CLIENT_ID}), such as spark-etl\n`,
    );
    return 2;
  }
  const secret = generateSecret(randomBytes);
  stdout.write(
    [
      "The secret, shown this once. Keep it where the client finds it:",
      "",
      `  ${secret}`,
      "",
      "Put this under clients in the settings file; it holds the secret's digest alone:",
      "",
      `  - id: ${stringify(id).trimEnd()}`,
      "    secrets:",
      `      - sha256: "${secretDigest(secret)}"`,
      "",
    ].join("\n"),
  );
  return 0;
}
