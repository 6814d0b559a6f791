/**
 * What `icemint/client` exports: tokens for a service's own calls. Loads nothing of the server, and of Node only its
 * HTTP client.
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
    /** PEM of the only certificate authorities to believe. Default: those of Node. */
    readonly ca?: string;
    /** How long `token()` waits for a server that is away, in milliseconds. Default: 30 s. */
    readonly waitMs?: number;
    /** Whether to renew a token that nobody has asked for since it came. Default: false. */
    readonly renewUnused?: boolean;
    /** Told of every attempt that failed, also where an older token still serves. */
    readonly onFailure?: (error: TokenError) => void;
  };

/** Gives a live token, whenever it is asked. */
export interface TokenSource extends AsyncDisposable {
  /** The token: from memory if there is a live one. Rejects with a `TokenError`. */
  token(): Promise<string>;
  /** As `token`, with its times and scope. */
  issued(): Promise<IssuedToken>;
  /**
   * Says that a service has not accepted this token. Answers whether the next one will be another, and so whether to
   * try again: at most one token in ten seconds is given up.
   */
  invalidate(token: string): boolean;
  /** Ends renewal and requests, and fails those who wait. Nothing is left running. */
  close(): Promise<void>;
}

export interface TokenSourceDependencies {
  readonly clock: () => number;
  readonly random: Random;
  readonly pause: Pause;
}

/**
 * Makes a token source. Asks for nothing before the first `token()`. Throws `TypeError` for options that cannot work.
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
