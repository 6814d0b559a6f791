/** What a history asks replicas, and by which clients. */
import type { Client } from "../../src/clients/client.js";
import { OAuthError } from "../../src/oauth/error.js";
import type { Credentials, GrantParameters } from "../../src/oauth/request.js";
import type { TokenResponse } from "../../src/oauth/response.js";
import { CALLER, EXCHANGE, claimsOf, client } from "../support/core.js";
import type { ModelSettings } from "./model.js";
import { IDS } from "./steps.js";
import type { Replica } from "./world.js";

/** Revokes and introspects, and is in all settings. */
export const OPERATOR = client("operator", { permissions: new Set(["revoke", "introspect"]) });

/** An answer, or undefined where it is refused. Our own bugs are thrown. */
export async function ask(
  { tokens }: Replica,
  grant: GrantParameters,
  credentials: Credentials,
): Promise<TokenResponse | undefined> {
  const rest = { scope: undefined, audience: [], resource: [], caller: CALLER };
  try {
    return await tokens.token({ grant, credentials, ...rest });
  } catch (error) {
    if (error instanceof OAuthError && error.code !== "server_error") return undefined;
    throw error;
  }
}

export function exchangeOf(token: string): GrantParameters {
  return { ...EXCHANGE, subjectToken: token, subjectTokenType: "access_token" };
}

export function clientsOf({ clients, actors, unsecured }: Omit<ModelSettings, "issuerTrusted">): readonly Client[] {
  const registered = IDS.filter((id) => clients.has(id)).map((id) =>
    client(id, {
      grants: new Set(["client_credentials", "token_exchange", "refresh_token"]),
      mayActFor: new Set(actors.has(id) ? IDS : []),
      unsecuredSubjects: unsecured.has(id) ? ["*@example.com"] : undefined,
    }),
  );
  return [...registered, OPERATOR];
}

export function toggled(set: ReadonlySet<string>, id: string): ReadonlySet<string> {
  return set.has(id) ? new Set([...set].filter((other) => other !== id)) : new Set([...set, id]);
}

/** Claim `sid` of the token that was answered. */
export const sidOf = (answer: TokenResponse): string => String(claimsOf(answer.access_token)["sid"]);
/** The key in the header of a token. */
export function kidOf(token: string): string {
  return String(claimsOf(`.${token}`)["kid"]);
}
