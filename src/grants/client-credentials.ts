/** The client credentials grant (RFC 6749 section 4.4). No refresh token (section 4.4.3), no store. */
import type { ClientAuthenticator } from "../clients/client-authenticator.js";
import type { Client } from "../clients/client.js";
import { type Grant, type Proposal, clientBounds, ruleDigestsOf } from "./grant.js";
import type { Sessions } from "../tokens/sessions.js";

export function createClientCredentials({
  authenticator,
  sessions,
}: {
  readonly authenticator: ClientAuthenticator;
  readonly sessions: Sessions;
}): Grant {
  return {
    type: "client_credentials",
    async identify(request) {
      const { client, method, secretName } = await authenticator.authenticate(request);
      return { client, by: method, secretName, tokens: [] };
    },
    ask: (_request, { client }) => ({ needs: "client_credentials", propose: () => proposeOwn(client, sessions) }),
  };
}

/** The client is the subject. Every token begins a session. */
export function proposeOwn(client: Client, sessions: Sessions): Proposal {
  return {
    client,
    subject: client.id,
    actor: undefined,
    session: sessions.begin({ subject: client.id, clientId: client.id, actor: undefined, means: [] }),
    copiedClaims: {},
    subjectIssuer: undefined,
    unsecuredSubject: false,
    ruleDigests: ruleDigestsOf(client),
    ...clientBounds(client),
    issuedType: "access_token",
    via: "client_credentials",
    refreshToken: "none",
  };
}
