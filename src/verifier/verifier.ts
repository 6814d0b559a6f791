/**
 * The exports of `icemint/verifier`. A service verifies icemint's access tokens against its keys and revocations,
 * without a call for each request. Of the server it loads only the reader of tokens and the revocation table.
 */
import type { Transport } from "@connectrpc/connect";
import { realPause, type Pause, type Random } from "../client/backoff.js";
import { credentialOf, type CredentialOptions } from "../client/credential.js";
import { serverAddress, type AddressRules } from "../client/server-address.js";
import type { AccessToken } from "../oauth/access-token.js";
import { MINUTE, SECOND } from "../time/clock.js";
import { createTokenVerifier, type TokenReading } from "../tokens/token-verifier.js";
import { connectTransport } from "./connect-transport.js";
import { kidOf } from "./kid.js";
import { ServerView } from "./server-view.js";
import { VerificationError, type VerificationFault } from "./verification-error.js";

export type { CredentialOptions, TextSource } from "../client/credential.js";
export type { AccessToken, Actor, Session } from "../oauth/access-token.js";
export { createRequestGate, verifiedTokenKey } from "./request-gate.js";
export { createHttpGuard } from "./http-guard.js";
export { VerificationError, type VerificationErrorCode, type VerificationFault } from "./verification-error.js";

/** The client needs permission `watch_revocations`. */
export type VerifierOptions = CredentialOptions &
  AddressRules & {
    /** Base address, such as `https://tokens.example.com`: https, or on loopback. */
    readonly server: string;
    /** `iss` of the tokens. Default: `server`. */
    readonly issuer?: string;
    /** The service's own names. A token must have one of them in `aud`. */
    readonly audience: string | readonly string[];
    /** PEM of the only trusted certificate authorities. Default: those of Node. */
    readonly ca?: string;
    /** The age at which the view of the revocations is stale, in milliseconds. Default: 5 min. */
    readonly maxStalenessMs?: number;
    /** Whether a stale view refuses tokens as `unavailable`, or verifies them all the same. Default: `refuse`. */
    readonly whenStale?: "refuse" | "allow";
    /** Called for every failure to reach the server. The verifier tries again each time. */
    readonly onProblem?: (error: unknown) => void;
  };

export interface Requirements {
  /** Scopes of which the token has all. */
  readonly scopes?: readonly string[];
}

export interface Verifier extends AsyncDisposable {
  /**
   * Resolves when keys and revocations are loaded. Before that no token is accepted. Rejects after `timeoutMs`.
   */
  ready(timeoutMs?: number): Promise<void>;
  /** Whether a live token is accepted now: everything is loaded, and the view is not stale, or may be. */
  isReady(): boolean;
  /** Rejects with a `VerificationError` if the token is not accepted. */
  verify(token: string, requirements?: Requirements): Promise<AccessToken>;
  /** The age of the view of the revocations, in milliseconds. Infinity before the first. */
  staleness(): number;
  /** Ends the stream and all requests. No token is accepted after that. Nothing is left running. */
  close(): Promise<void>;
}

export interface VerifierDependencies {
  readonly clock?: () => number;
  readonly random?: Random;
  readonly pause?: Pause;
  readonly transport?: Transport;
}

const READY_TIMEOUT_MS = 30 * SECOND;

/** Connects at once. Throws `TypeError` for options that cannot work. */
export function createVerifier(options: VerifierOptions, dependencies: VerifierDependencies = {}): Verifier {
  const { maxStalenessMs = 5 * MINUTE, whenStale = "refuse" } = options;
  const { clock = Date.now, random = Math.random, pause = realPause } = dependencies;
  const audiences = audiencesOf(options.audience);
  const server = serverAddress(options.server, options);
  const credential = credentialOf(options);
  const transport = dependencies.transport ?? connectTransport(server, options.ca);
  const onProblem = (error: unknown): void => options.onProblem?.(error);
  const view = new ServerView({ transport, credential, clock, random, pause, onProblem });
  const { keys, revocations, signal } = view;
  const reader = createTokenVerifier({ issuer: options.issuer ?? server, keys, revocations, clock });

  function obstacle(): VerificationFault | undefined {
    if (signal.aborted) return "closed";
    if (!view.isComplete) return "not_ready";
    return whenStale === "refuse" && revocations.ageMs() > maxStalenessMs ? "stale" : undefined;
  }

  async function readUnknown(token: string): Promise<TokenReading | undefined> {
    const kid = kidOf(token);
    return kid !== undefined && (await keys.learn(kid, signal)) ? reader.read(token) : undefined;
  }

  return {
    async ready(timeoutMs = READY_TIMEOUT_MS) {
      try {
        await view.completed(timeoutMs);
      } catch {
        throw new VerificationError(signal.aborted ? "closed" : "not_ready", view.problem);
      }
    },
    isReady: () => obstacle() === undefined,
    async verify(token, { scopes } = {}) {
      const fault = obstacle();
      if (fault !== undefined) throw new VerificationError(fault, view.problem);
      const reading = reader.read(token) ?? (await readUnknown(token));
      return accepted(reading, audiences, scopes);
    },
    staleness: () => revocations.ageMs(),
    close: () => view.close(),
    [Symbol.asyncDispose]: () => view.close(),
  };
}

function accepted(
  reading: TokenReading | undefined,
  audiences: readonly string[],
  scopes: readonly string[] | undefined,
): AccessToken {
  if (reading === undefined) throw new VerificationError("not_ours");
  const { token, expired, revoked } = reading;
  if (expired) throw new VerificationError("expired");
  if (revoked) throw new VerificationError("revoked");
  if (!token.audience.some((audience) => audiences.includes(audience))) throw new VerificationError("audience");
  if (scopes !== undefined && !scopes.every((scope) => token.scope.includes(scope)))
    throw new VerificationError("scope");
  return frozen(token);
}

/** The signature cache returns the same object for the same token: no caller may add a scope to it. */
function frozen<T extends object>(value: T): T {
  if (Object.isFrozen(value)) return value;
  for (const member of Object.values(value)) if (typeof member === "object" && member !== null) frozen(member);
  return Object.freeze(value);
}

function audiencesOf(audience: string | readonly string[]): readonly string[] {
  const audiences = typeof audience === "string" ? [audience] : [...audience];
  if (audiences.length === 0 || !audiences.every((name) => typeof name === "string" && name !== "")) {
    throw new TypeError("audience is missing");
  }
  return audiences;
}
