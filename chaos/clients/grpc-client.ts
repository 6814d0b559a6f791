/**
 * A service with one long-lived channel of `@grpc/grpc-js`, as grpc-java and grpc-go behave: reconnects by itself, sends
 * again only what no server has seen. Takes turns between client credentials and the exchange of the last token.
 */
import { fromBinary, toBinary, create, type MessageInitShape } from "@bufbuild/protobuf";
import { Client, credentials, type ServiceError, status } from "@grpc/grpc-js";
import { GetTokenRequestSchema, GetTokenResponseSchema, TokenType } from "../../src/gen/icemint/v1/token_service_pb.js";
import { type ClientOptions, pause } from "../client.js";
import type { History } from "../history.js";
import { CLIENT } from "../settings.js";

const METHOD = "/icemint.v1.TokenService/GetToken";
/** A caller that waits longer is of no use to its own callers. */
const DEADLINE_MS = 1500;
const CREDENTIALS = { clientId: CLIENT.id, clientSecret: CLIENT.secret };

type TokenRequest = MessageInitShape<typeof GetTokenRequestSchema>;

/** Channels of one process share connections unless told not to. */
export const CHANNEL_OPTIONS = { "grpc.use_local_subchannel_pool": 1, "grpc.max_reconnect_backoff_ms": 1000 };

export interface GrpcClientOptions extends Omit<ClientOptions, "url"> {
  /** `host:port`. */
  readonly address: string;
}

/** Runs it: a call every `everyMs`. */
export async function runGrpcClient(options: GrpcClientOptions & { readonly everyMs: number }): Promise<void> {
  const { who, address, history, signal, everyMs } = options;
  const channel = new Client(address, credentials.createInsecure(), CHANNEL_OPTIONS);
  let token: string | undefined;
  while (!signal.aborted) {
    token = token === undefined ? await fresh(channel, who, history) : await refreshed(channel, token, who, history);
    await pause(everyMs, signal);
  }
  channel.close();
}

function fresh(channel: Client, who: string, history: History): Promise<string | undefined> {
  const request = { grant: { case: "clientCredentials", value: {} }, ...CREDENTIALS } as const;
  return call(channel, request, { who, what: "client_credentials", history });
}

async function refreshed(channel: Client, token: string, who: string, history: History): Promise<undefined> {
  const subject = { subjectToken: token, subjectTokenType: TokenType.ACCESS_TOKEN };
  const request = { grant: { case: "tokenExchange", value: subject }, ...CREDENTIALS } as const;
  await call(channel, request, { who, what: "exchange", history });
}

/** The token, or undefined if there was none. */
async function call(
  channel: Client,
  request: TokenRequest,
  { who, what, history }: { who: string; what: "client_credentials" | "exchange"; history: History },
): Promise<string | undefined> {
  const calledAt = performance.now();
  const { token, outcome } = await new Promise<{ token: string | undefined; outcome: string }>((resolve) => {
    channel.makeUnaryRequest(
      METHOD,
      (message: TokenRequest) => Buffer.from(toBinary(GetTokenRequestSchema, create(GetTokenRequestSchema, message))),
      (bytes) => fromBinary(GetTokenResponseSchema, bytes),
      request,
      { deadline: Date.now() + DEADLINE_MS },
      (error, answer) => resolve({ token: answer?.accessToken, outcome: outcomeOf(error) }),
    );
  });
  history.add({ who, what, calledAt, answeredAt: performance.now(), outcome });
  return token;
}

/** `ok`, or the name of the code. */
export function outcomeOf(error: ServiceError | null): string {
  return error === null ? "ok" : (status[error.code] ?? String(error.code));
}
