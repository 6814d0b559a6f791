/** Every place in a request that a JWT can be put, over the form endpoint and over gRPC, and what a bad one gets there. */
import { Code, ConnectError, createClient, type Client } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { TokenService, TokenType } from "../../src/gen/icemint/v1/token_service_pb.js";
import type { RunningApp } from "../support/running-app.js";
import { byPost, EXCHANGE, type FormAnswer, freshAddress, JWT_BEARER, postForm, secretOf, typeUrn } from "./world.js";

export const PLACES = [
  "subject jwt",
  "subject id_token",
  "subject access_token",
  "actor",
  "bearer",
  "assertion",
  "secret",
  "basic",
] as const;
export type Place = (typeof PLACES)[number];

/** What stands in the answer to a bad token in a place. */
export interface Refusal {
  readonly status: number;
  readonly error: string;
  readonly code: Code;
}

const BAD_TOKEN: Refusal = { status: 400, error: "invalid_request", code: Code.InvalidArgument };
const BAD_CLIENT: Refusal = { status: 401, error: "invalid_client", code: Code.Unauthenticated };

/** RFC 8693 section 2.2.2 for subjects and actors, RFC 6749 section 5.2 for what authenticates. */
export function refusalIn(place: Place): Refusal {
  return place.startsWith("subject") || place === "actor" ? BAD_TOKEN : BAD_CLIENT;
}

/** Whether the text can stand there at all: a header holds no control character, and loses spaces around it. */
export function fits(place: Place, token: string): boolean {
  return place !== "bearer" || /^[\x21-\x7E]+$/.test(token);
}

const CLIENT_CREDENTIALS = { grant_type: "client_credentials" };

/** Presents a token to the form endpoint; `own` is a live token of client spark, where one is needed beside it. */
export function presentByForm(app: RunningApp, place: Place, token: string, own: string): Promise<FormAnswer> {
  switch (place) {
    case "subject jwt":
    case "subject id_token":
    case "subject access_token": {
      const type = typeUrn(place.slice("subject ".length));
      return exchange(app, { ...byPost("spark"), subject_token: token, subject_token_type: type });
    }
    case "actor":
      return exchange(app, {
        ...byPost("spark"),
        subject_token: own,
        subject_token_type: typeUrn("access_token"),
        actor_token: token,
        actor_token_type: typeUrn("access_token"),
      });
    case "bearer": {
      const form = { subject_token: token, subject_token_type: typeUrn("access_token") };
      return exchange(app, form, { authorization: `Bearer ${token}` });
    }
    case "assertion":
      return postForm(app, { ...CLIENT_CREDENTIALS, client_assertion: token, client_assertion_type: JWT_BEARER });
    case "secret":
      return postForm(app, { ...CLIENT_CREDENTIALS, client_secret: token });
    case "basic":
      return postForm(app, CLIENT_CREDENTIALS, { authorization: `Basic ${Buffer.from(token).toString("base64")}` });
  }
}

function exchange(app: RunningApp, form: Record<string, string>, headers: Record<string, string> = {}) {
  return postForm(app, { grant_type: EXCHANGE, ...form }, headers);
}

export function grpcClient(app: RunningApp): Client<typeof TokenService> {
  return createClient(TokenService, createGrpcTransport({ baseUrl: app.url }));
}

const SUBJECT_TYPES = {
  "subject jwt": TokenType.JWT,
  "subject id_token": TokenType.ID_TOKEN,
  "subject access_token": TokenType.ACCESS_TOKEN,
} as const;

/** Presents a token over gRPC and returns the refusal; undefined if it was taken. */
export async function presentByGrpc(
  client: Client<typeof TokenService>,
  place: Place,
  token: string,
  own: string,
): Promise<ConnectError | undefined> {
  const headers: Record<string, string> = { "x-forwarded-for": freshAddress() };
  try {
    await client.getToken(rpcRequest(place, token, own, headers), { headers });
    return undefined;
  } catch (error) {
    return ConnectError.from(error);
  }
}

function rpcRequest(place: Place, token: string, own: string, headers: Record<string, string>) {
  const spark = { clientId: "spark", clientSecret: secretOf("spark") };
  const clientCredentials = { case: "clientCredentials", value: {} } as const;
  const exchanging = (value: object) => ({ case: "tokenExchange", value }) as const;
  switch (place) {
    case "subject jwt":
    case "subject id_token":
    case "subject access_token":
      return { ...spark, grant: exchanging({ subjectToken: token, subjectTokenType: SUBJECT_TYPES[place] }) };
    case "actor":
      return {
        ...spark,
        grant: exchanging({
          subjectToken: own,
          subjectTokenType: TokenType.ACCESS_TOKEN,
          actorToken: token,
          actorTokenType: TokenType.ACCESS_TOKEN,
        }),
      };
    case "bearer":
      headers["authorization"] = `Bearer ${token}`;
      return { grant: exchanging({ subjectToken: token, subjectTokenType: TokenType.ACCESS_TOKEN }) };
    case "assertion":
      return { grant: clientCredentials, clientAssertion: token };
    case "secret":
      return { grant: clientCredentials, clientSecret: token };
    case "basic":
      headers["authorization"] = `Basic ${Buffer.from(token).toString("base64")}`;
      return { grant: clientCredentials };
  }
}
