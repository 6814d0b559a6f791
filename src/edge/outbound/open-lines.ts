/** Opens the lines of the entries, and those of combinations when an engine asks for one. */
import type { Pause, Random } from "../../client/backoff.js";
import type { Credential } from "../../client/credential.js";
import { requestToken, type TokenEndpoint } from "../../client/token-endpoint.js";
import type { TokenError } from "../../client/token-error.js";
import { tokenForm, type TokenParameters } from "../../client/token-form.js";
import type { EdgeLogger } from "../lean-logger.js";
import type { Clock } from "../../time/clock.js";
import type { TokenEntry } from "../settings/settings.js";
import type { EntryFiles } from "./entry-files.js";
import type { OutboundCounts } from "./outbound-counts.js";
import { reasonOf } from "../reason.js";
import { Trouble } from "../trouble.js";
import type { GivenToken } from "./revocation-watch.js";
import { secondsTo } from "./token-holding.js";
import { TokenLine } from "./token-line.js";
import { TokenLines, type AskedToken } from "./token-lines.js";

export interface OpenLinesDependencies {
  readonly endpoint: TokenEndpoint;
  readonly credential: Credential;
  readonly isRevoked: (token: GivenToken) => boolean;
  readonly files: Pick<EntryFiles, "put" | "clear">;
  readonly counts: Pick<OutboundCounts, "tokenFailed">;
  readonly clock: Clock;
  readonly random: Random;
  readonly pause: Pause;
  readonly logger: EdgeLogger;
}

export function openLines(entries: readonly TokenEntry[], dependencies: OpenLinesDependencies): TokenLines {
  const { endpoint, credential, files, counts, clock, logger } = dependencies;
  const requestFor = (parameters: TokenParameters) => async (signal: AbortSignal) => {
    const form = tokenForm(parameters, await credential(signal));
    return await requestToken(endpoint, form, { clock, signal });
  };
  const onFailure = (entry: string, trouble: Trouble) => (error: TokenError) => {
    counts.tokenFailed(entry);
    const reason = reasonOf(error);
    if (trouble.isNews(reason)) logger.warn("no token came; trying again", { entry, reason });
  };
  const ofCombinations = new Trouble(clock);

  function openEntry({ name, scope, audience, resource }: TokenEntry): TokenLine {
    const trouble = new Trouble(clock);
    return new TokenLine(
      {
        ...dependencies,
        request: requestFor({ ...(scope !== undefined && { scope }), audience, resource }),
        onToken({ accessToken, expiresAt }) {
          trouble.over();
          logger.info("a token came", { entry: name, for_s: secondsTo(expiresAt, clock()) });
          files.put(name, accessToken);
        },
        onGone() {
          logger.error("the token expired or was revoked, and there is no other yet", { entry: name });
          files.clear(name);
        },
        onFailure: onFailure(name, trouble),
      },
      { isEntry: true },
    );
  }

  function openCombination({ scope, audience, resource }: AskedToken): TokenLine {
    return new TokenLine(
      {
        ...dependencies,
        request: requestFor({ ...(scope.length > 0 && { scope: scope.join(" ") }), audience, resource }),
        onToken() {},
        onGone() {},
        onFailure: onFailure("other", ofCombinations),
      },
      { isEntry: false },
    );
  }

  return new TokenLines({ entries, openEntry, openCombination });
}
