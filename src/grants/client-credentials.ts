/** The client credentials grant (RFC 6749 section 4.4). No refresh token (section 4.4.3), no store. */
import type { Client } from "../clients/client.js";
import { type Proposal, clientBounds } from "./grant.js";
import type { Sessions } from "./sessions.js";

/** A token for the client itself, in a session of its own. */
export function proposeClientCredentials(client: Client, sessions: Sessions): Proposal {
  return {
    client,
    subject: client.id,
    actor: undefined,
    session: sessions.begin({ subject: client.id, clientId: client.id, actor: undefined, means: [] }),
    copiedClaims: {},
    subjectIssuer: undefined,
    unsecuredSubject: false,
    ...clientBounds(client),
    issuedType: "access_token",
    via: "client_credentials",
    refreshToken: "none",
  };
}
