/** `private_key_jwt`: an assertion that the client signs with its own key (RFC 7521 section 4.2, RFC 7523). */
import { Buffer } from "node:buffer";
import type { JWK } from "jose";
import { HOUR, type Clock } from "../time/clock.js";
import { type Explanation, OAuthError } from "../oauth/error.js";
import type { JsonObject } from "../oauth/json.js";
import type { ReplayPurpose, Replays } from "../storage/replays.js";
import type { CompactJws, Refuse } from "../jwt/compact-jws.js";
import { audienceOf, checkKind } from "../issuers/claims.js";
import type { IssuerKeys } from "../issuers/keys.js";
import { ASYMMETRIC_ALGORITHMS, readJwks, selectKey, type VerificationKey } from "../jwt/jwk-set.js";
import { hasSignature } from "../jwt/jws-signature.js";
import { LEEWAY_MS, checkTimesWithExpiry } from "../jwt/jwt-times.js";
import { MAX_JTI_LENGTH, useOwnAssertion } from "./assertion-use.js";
import type { Client, ClientKeys } from "./client.js";
import type { ClientRegistry } from "./client-registry.js";
import { createDecoyKeys } from "./decoy-keys.js";
import { type FailurePause, type Wait, createFailurePauses } from "./failure-pause.js";

export interface PrivateKeyJwtDependencies {
  readonly registry: ClientRegistry;
  readonly keys: IssuerKeys;
  readonly replays: Replays;
  readonly clock: Clock;
  /**
   * One of these must be the only audience: our issuer, or a URL of the token endpoint, which Nimbus (Dremio) sends.
   */
  readonly audiences: ReadonlySet<string>;
  /** Cryptographically random bytes. */
  readonly random: (size: number) => Buffer;
  /** Delays the answer to a failure. Default: Node's timer. */
  readonly wait?: Wait | undefined;
}

/**
 * Checks that the client of this id made the assertion. Throws `refuse(…)`, or `temporarily_unavailable` if the store
 * cannot record its use. Keys that cannot be fetched count as missing: anyone can send a forged assertion, and another
 * answer would tell that the client exists.
 */
export type PrivateKeyJwt = (
  clientId: string,
  jws: CompactJws,
  purpose: ReplayPurpose,
  refuse: Refuse,
) => Promise<Client>;

/** The furthest `exp` and the oldest `iat`: an assertion is made for one request. */
const MAX_LIFETIME_MS = HOUR;

const TYPES: ReadonlySet<string> = new Set(["jwt", "client-authentication+jwt"]);

/** The client that signs for itself: `iss` and `sub` are both its id (RFC 7523 section 3). Otherwise undefined. */
export function selfAsserted({ iss, sub }: JsonObject): string | undefined {
  return typeof iss === "string" && iss === sub ? iss : undefined;
}

export function createPrivateKeyJwt(dependencies: PrivateKeyJwtDependencies): PrivateKeyJwt {
  const { registry, keys, replays, clock, audiences, random } = dependencies;
  const inline = new WeakMap<ClientKeys, readonly VerificationKey[]>();
  const decoyKey = createDecoyKeys(random);
  const pauses = createFailurePauses({ wait: dependencies.wait });

  async function keyOf(
    client: Client | undefined,
    { algorithm, kid }: CompactJws,
    pause: FailurePause | undefined,
  ): Promise<JWK | undefined> {
    const source = client?.disabled ? undefined : client?.keys;
    if (source === undefined) return undefined;
    if (source.kind === "uri") {
      const at = { at: source, caFile: undefined, tokenFile: undefined, use: "sig" } as const;
      const found = keys.find(at, algorithm, kid).catch(noneIfUnavailable);
      return pause === undefined ? found : pause.inTime(found);
    }
    const known = inline.get(source) ?? readJwks(source.jwks, "sig") ?? [];
    inline.set(source, known);
    const found = selectKey(known, algorithm, kid);
    return typeof found === "string" ? undefined : found.jwk;
  }

  async function clientOf(
    clientId: string,
    jws: CompactJws,
    refuse: Refuse,
    pause: FailurePause | undefined,
  ): Promise<Client> {
    const client = registry.current.byId.get(clientId);
    const key = await keyOf(client, jws, pause);
    // With the decoy, the time of a refusal does not tell whether the client or its key exists.
    const used = key ?? decoyKey(jws.algorithm);
    const signed = used !== undefined && (await hasSignature(jws, used));
    if (client === undefined || key === undefined) throw refuse(REFUSED, whyNoKey(client, jws));
    if (!signed) throw refuse(REFUSED, { failure: "signature_wrong", detail: "the assertion's signature is wrong" });
    return client;
  }

  /** As `clientOf`. If any client's keys are fetched, every failure takes the same time. */
  async function clientInTime(clientId: string, jws: CompactJws, refuse: Refuse): Promise<Client> {
    if (!registry.current.fetchesKeys) return clientOf(clientId, jws, refuse, undefined);
    const pause = pauses.begin();
    try {
      return await clientOf(clientId, jws, refuse, pause);
    } catch (error) {
      await pause.over();
      throw error;
    } finally {
      pause.end();
    }
  }

  return async (clientId, jws, purpose, refuse) => {
    if (!ASYMMETRIC_ALGORITHMS.has(jws.algorithm)) throw refuse("the assertion's alg is not accepted");
    if (jws.type !== undefined && !TYPES.has(jws.type)) throw refuse("typ says that the token is for something else");
    checkKind(jws, "client_assertion", refuse);
    const { expiresAt, jti } = checkClaims(jws.claims, clock(), audiences, refuse);
    const client = await clientInTime(clientId, jws, refuse);
    await useOwnAssertion(client, { jws, jti, expiresAt }, purpose, { replays, refuse });
    return client;
  };
}

const REFUSED = "the assertion is not the client's";

/** For the log. */
function whyNoKey(client: Client | undefined, { kid }: CompactJws): Explanation {
  if (client === undefined) return { failure: "client_unknown", detail: "no client has the id in iss and sub" };
  if (client.disabled) return { failure: "client_disabled", detail: "the client is disabled" };
  if (client.keys === undefined) return { failure: "key_unknown", detail: "the client has neither jwks nor jwks_uri" };
  const which = kid === undefined ? "for an assertion without kid" : "of the assertion's kid and alg";
  const where = client.keys.kind === "inline" ? "its jwks" : "its jwks_uri, or the keys cannot be fetched in time";
  return { failure: "key_unknown", detail: `no key ${which} in ${where}` };
}

/** `issuers/keys.ts` reports why keys cannot be fetched. Any other error is our fault and passes. */
function noneIfUnavailable(error: unknown): undefined {
  if (error instanceof OAuthError && error.code === "temporarily_unavailable") return undefined;
  throw error;
}

/** These refusals depend on the assertion alone, so they tell nothing about the client. */
function checkClaims(
  claims: JsonObject,
  now: number,
  audiences: ReadonlySet<string>,
  refuse: Refuse,
): { readonly expiresAt: number; readonly jti: string | undefined } {
  const [audience, ...more] = audienceOf(claims["aud"]) ?? [];
  if (audience === undefined || more.length > 0 || !audiences.has(audience)) {
    throw refuse("aud must be this server's issuer, and nothing else");
  }
  const { expiresAt, issuedAt } = checkTimesWithExpiry(claims, now, refuse);
  if (expiresAt > now + MAX_LIFETIME_MS + LEEWAY_MS) throw refuse("exp is more than an hour ahead");
  if (issuedAt !== undefined && issuedAt < now - MAX_LIFETIME_MS - LEEWAY_MS) throw refuse("iat is too old");
  const { jti } = claims;
  if (jti !== undefined && (typeof jti !== "string" || jti === "" || jti.length > MAX_JTI_LENGTH)) {
    throw refuse("jti is no string of a reasonable length");
  }
  return { expiresAt, jti };
}
