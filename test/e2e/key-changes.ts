/**
 * Keys change under a verifier that is set up as it comes: an operator rotates them, and then revokes the one that signs. A
 * verifier may refuse the new key's tokens for as long as its manual says, and accept the revoked key's for as long.
 */
import { execFile } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { decodeProtectedHeader } from "jose";
import { expect } from "vitest";
import { generateSecret } from "../../src/config/clients/secret.js";
import { eventually } from "../support/eventually.js";
import { MAIN, ServerProcess, cleanEnvironment } from "../support/server-process.js";
import { expectTokenSet } from "./fit-for-clients.js";
import { postForm } from "./http-exchange.js";

const run = promisify(execFile);

export interface Question {
  readonly jwks_uri: string;
  readonly issuer: string;
  readonly audience: string;
  readonly token: string;
}

/** Resolves for a token that is accepted, rejects for one that is not. */
export type Verify = (question: Question) => Promise<unknown>;

/** A server with the usual life of keys, but for how long a key is published before it signs. */
export class ChangingKeys implements AsyncDisposable {
  readonly server: ServerProcess;
  readonly #secret: string;

  private constructor(server: ServerProcess, secret: string) {
    this.server = server;
    this.#secret = secret;
  }

  static async start(): Promise<ChangingKeys> {
    const secret = generateSecret(randomBytes);
    const sha256 = createHash("sha256").update(secret).digest("hex");
    const client = { id: "etl", secrets: [{ sha256 }], permissions: ["rotate_keys"] };
    // Longer than any verifier waits before it asks again, as it is with the settings that we ship.
    const settings = { keys: { publish_ahead: "40s", rotate_every: "1h" }, clients: [client] };
    return new ChangingKeys(await ServerProcess.start({ settings }), secret);
  }

  async token(): Promise<string> {
    const answer = await postForm(this.server.url, { grant_type: "client_credentials", client_secret: this.#secret });
    return expectTokenSet(answer).access_token;
  }

  /** `icemint keys ...`: what it prints, and warns of. */
  async keys(...args: readonly string[]): Promise<{ readonly stdout: string; readonly stderr: string }> {
    const env = { ICEMINT_CLIENT_ID: "etl", ICEMINT_CLIENT_SECRET: this.#secret, ICEMINT_SERVER: this.server.url };
    return run(process.execPath, [MAIN, "keys", ...args], { env: cleanEnvironment(env) });
  }

  question(token: string): Question {
    const { url } = this.server;
    return { jwks_uri: `${url}/.well-known/jwks.json`, issuer: url, audience: url, token };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]();
  }
}

const kidOf = (token: string): string => decodeProtectedHeader(token).kid ?? "";

/** The rule that all must keep; `withinMs` is the longest that this verifier may take to hear of a revocation. */
export async function verifyThroughChanges(verify: Verify, withinMs: number): Promise<void> {
  await using keys = await ChangingKeys.start();
  const accepts = (token: string) => verify(keys.question(token));
  /** Asked twice a second. */
  const isAccepted = async (token: string): Promise<boolean> => {
    await sleep(500);
    return accepts(token).then(
      () => true,
      () => false,
    );
  };
  const first = await keys.token();
  await accepts(first);

  // A rotation: no token is refused at any time, of the old key or of the new one.
  await keys.keys("rotate");
  let second = first;
  const isOfNextKey = async (): Promise<boolean> => {
    await sleep(500);
    second = await keys.token();
    await accepts(second);
    return kidOf(second) !== kidOf(first);
  };
  await eventually("the next key signs", isOfNextKey, 90_000);
  await accepts(first);

  // A revocation: the next key signs at once, without having been published.
  const { stderr } = await keys.keys("revoke", kidOf(second));
  expect(stderr).toBe("");
  const third = await keys.token();
  expect(kidOf(third)).not.toBe(kidOf(second));
  await eventually("the new key's token is accepted", () => isAccepted(third), withinMs);
  await eventually("the revoked key's token is refused", async () => !(await isAccepted(second)), withinMs);
  await accepts(first);

  // A second one soon after is what operators are warned of.
  expect((await keys.keys("revoke", kidOf(third))).stderr).toMatch(/^warning: another key was revoked .* before\./);
}
