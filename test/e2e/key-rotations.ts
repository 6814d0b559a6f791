/** A server whose keys rotate every three seconds, for verifiers that know nothing of it but where its keys are. */
import { createHash, randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { decodeProtectedHeader } from "jose";
import { generateSecret } from "../../src/config/clients/secret.js";
import { ServerProcess } from "../support/server-process.js";
import { expectTokenSet } from "./fit-for-clients.js";
import { postForm } from "./http-exchange.js";

export interface VerificationQuestion {
  readonly jwks_uri: string;
  readonly issuer: string;
  readonly audience: string;
  readonly token: string;
  /** How long it may keep keys that it has: shorter than the second that a new key is published ahead. */
  readonly keep_seconds: number;
}

/** Has a token verified every half second until three keys have signed. `verify` throws for one that is refused. */
export async function verifyThroughRotations(
  verify: (question: VerificationQuestion) => Promise<unknown>,
): Promise<void> {
  const secret = generateSecret(randomBytes);
  const sha256 = createHash("sha256").update(secret).digest("hex");
  await using server = await ServerProcess.start({
    settings: {
      tokens: { access_ttl: "5s" },
      keys: { rotate_every: "3s", publish_ahead: "1s" },
      clients: [{ id: "etl", secrets: [{ sha256 }] }],
    },
  });
  const signedBy = new Set<string | undefined>();
  for (; signedBy.size < 3; await sleep(500)) {
    const answer = await postForm(server.url, { grant_type: "client_credentials", client_secret: secret });
    const { access_token: token } = expectTokenSet(answer);
    const from = { jwks_uri: `${server.url}/.well-known/jwks.json`, issuer: server.url, audience: server.url };
    await verify({ ...from, token, keep_seconds: 0.4 });
    signedBy.add(decodeProtectedHeader(token).kid);
  }
}
