/**
 * The exports of `icemint/client`: tokens for a service's own calls. It loads nothing of the server.
 */
import { TOKEN_PATH } from "../oauth/paths.js";
import { SECOND } from "../time/clock.js";
import { realPause, type Pause, type Random } from "./backoff.js";
import { credentialOf, type CredentialOptions } from "./credential.js";
import { serverAddress, type AddressRules } from "./server-address.js";
import { tokenForm, type TokenParameters } from "./token-form.js";
import { requestToken, type IssuedToken } from "./token-endpoint.js";
import type { TokenError } from "./token-error.js";
import { TokenKeeper } from "./token-keeper.js";

export { authorizedFetch } from "./authorized-fetch.js";
export { bearerInterceptor } from "./connect-interceptor.js";
export type { CredentialOptions, TextSource } from "./credential.js";
export type { IssuedToken } from "./token-endpoint.js";
export { TokenError, type TokenErrorCode } from "./token-error.js";
export type { TokenParameters } from "./token-form.js";

export type TokenSourceOptions = CredentialOptions &
  TokenParameters &
  AddressRules & {
    /** Base address, such as `https://tokens.example.com`: https, or on loopback. */
    readonly server: string;
    /** Path of the token endpoint under it. Default: `/v1/oauth/tokens`. */
    readonly tokenPath?: string;
    /** PEM of the only trusted certificate authorities. Default: those of Node. */
    readonly ca?: string;
    /** How long `token()` waits for a server that is away, in milliseconds. Default: 30 s. */
    readonly waitMs?: number;
    /** Whether to renew a token that nobody has asked for since it came. Default: false. */
    readonly renewUnused?: boolean;
    /** Called for every failed attempt, even while an older token is still good. */
    readonly onFailure?: (error: TokenError) => void;
  };

/** Keeps a live token. */
export interface TokenSource extends AsyncDisposable {
  /** A live token, from memory if possible. Rejects with a `TokenError`. */
  token(): Promise<string>;
  /** As `token`, with its times and scope. */
  issued(): Promise<IssuedToken>;
  /**
   * Call this after a service has rejected the token. Returns whether to try again: the next token is then another one.
   * At most one token in ten seconds is dropped.
   */
  invalidate(token: string): boolean;
  /** Ends renewal and requests, and rejects pending calls. Nothing is left running. */
  close(): Promise<void>;
}

export interface TokenSourceDependencies {
  readonly clock: () => number;
  readonly random: Random;
  readonly pause: Pause;
}

/**
 * Sends no request before the first `token()`. Throws `TypeError` for options that cannot work.
 */
export function createTokenSource(
  options: TokenSourceOptions,
  dependencies: TokenSourceDependencies = { clock: Date.now, random: Math.random, pause: realPause },
): TokenSource {
  const { tokenPath = TOKEN_PATH, ca, waitMs = 30 * SECOND, renewUnused = false, onFailure } = options;
  const credential = credentialOf(options);
  const endpoint = { url: serverAddress(options.server, options) + tokenPath, ca };
  const { clock } = dependencies;
  const keeper = new TokenKeeper({
    ...dependencies,
    waitMs,
    renewUnused,
    onFailure: (error) => onFailure?.(error),
    request: async (signal) => {
      const form = tokenForm(options, await credential(signal));
      return await requestToken(endpoint, form, { clock, signal });
    },
  });
  return {
    token: async () => (await keeper.get()).accessToken,
    issued: () => keeper.get(),
    invalidate: (token) => keeper.invalidate(token),
    close: () => keeper.close(),
    [Symbol.asyncDispose]: () => keeper.close(),
  };
}
