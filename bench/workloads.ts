/** Who is measured doing what, and against which floor. */
import { create, toBinary, toJsonString } from "@bufbuild/protobuf";
import { GetTokenRequestSchema } from "../src/gen/icemint/v1/token_service_pb.js";
import {
  BENCH_CLIENT,
  CLIENT_CREDENTIALS_FORM,
  refreshForm,
  refreshTokenForm,
  userExchangeForm,
} from "./bench-client.js";
import type { Load } from "./load.js";
import { loadGrpc } from "./load-grpc.js";
import { loadHttp1, type Http1Load } from "./load-http1.js";

/** One thing that one server is measured at. */
export interface Workload {
  readonly id: string;
  readonly title: string;
  /** A file of `contenders/`, or `icemint-memory` or `icemint-redis`. */
  readonly server: string;
  /** The workload that it is compared with. */
  readonly floor: string | undefined;
  /** Puts load on the server for some seconds. */
  readonly run: (url: string, seconds: number) => Promise<Load>;
  /** Whether `--check` measures it. */
  readonly checked?: boolean;
}

const CONNECTIONS = 32;
/** wrk makes requests that it never sends, to look at them. */
const FIRST_TOKENS = CONNECTIONS + 8;
const GRPC_CONNECTIONS = 2;
const GRPC_STREAMS = 16;
const FORM_PATH = "/v1/oauth/tokens";
const RPC_PATH = "/icemint.v1.TokenService/GetToken";
const FORM_HEADERS = { "content-type": "application/x-www-form-urlencoded" };

const GRPC_REQUEST = create(GetTokenRequestSchema, {
  grant: { case: "clientCredentials", value: {} },
  clientId: BENCH_CLIENT.id,
  clientSecret: BENCH_CLIENT.secret,
  scope: BENCH_CLIENT.scope,
});

/** Everything that is measured. The title names the server, then what it does. */
export const WORKLOADS: readonly Workload[] = [
  { id: "form-floor", title: "bare node:http", server: "form-floor", floor: undefined, run: form, checked: true },
  {
    id: "form-memory",
    title: "icemint, form",
    server: "icemint-memory",
    floor: "form-floor",
    run: form,
    checked: true,
  },
  { id: "one-floor", title: "bare node:http, 1 connection", server: "form-floor", floor: undefined, run: formAlone },
  {
    id: "one-memory",
    title: "icemint, form, 1 connection",
    server: "icemint-memory",
    floor: "one-floor",
    run: formAlone,
  },
  { id: "new-floor", title: "bare node:http, new connections", server: "form-floor", floor: undefined, run: formAnew },
  {
    id: "new-memory",
    title: "icemint, form, new connections",
    server: "icemint-memory",
    floor: "new-floor",
    run: formAnew,
  },
  { id: "form-redis", title: "icemint, form, Redis", server: "icemint-redis", floor: "form-floor", run: form },
  { id: "connect", title: "icemint, Connect JSON", server: "icemint-memory", floor: "form-floor", run: connectJson },
  { id: "oidc-provider", title: "oidc-provider, form", server: "oidc-provider", floor: "form-floor", run: form },
  { id: "grpc-floor", title: "bare node:http2", server: "grpc-floor", floor: undefined, run: grpc, checked: true },
  { id: "grpc", title: "icemint, gRPC", server: "icemint-memory", floor: "grpc-floor", run: grpc, checked: true },
  { id: "grpc-js", title: "@grpc/grpc-js", server: "grpc-js", floor: "grpc-floor", run: grpc, checked: true },
  { id: "connect-stock", title: "connect-node as shipped", server: "connect-stock", floor: "grpc-floor", run: grpc },
  {
    id: "exchange-floor",
    title: "bare verify + sign",
    server: "form-floor",
    floor: undefined,
    run: exchange,
    checked: true,
  },
  {
    id: "exchange-memory",
    title: "icemint, Iceberg refresh",
    server: "icemint-memory",
    floor: "exchange-floor",
    run: exchange,
    checked: true,
  },
  {
    id: "exchange-redis",
    title: "icemint, Iceberg refresh, Redis",
    server: "icemint-redis",
    floor: "exchange-floor",
    run: exchange,
  },
  {
    id: "refresh-memory",
    title: "icemint, refresh_token",
    server: "icemint-memory",
    floor: "form-memory",
    run: refreshToken,
  },
  {
    id: "refresh-redis",
    title: "icemint, refresh_token, Redis",
    server: "icemint-redis",
    floor: "form-redis",
    run: refreshToken,
  },
];

async function form(url: string, seconds: number): Promise<Load> {
  await askForToken(url, CLIENT_CREDENTIALS_FORM);
  return loadForm({ url, seconds, bodies: [CLIENT_CREDENTIALS_FORM] });
}

/** As a notebook asks. */
async function formAlone(url: string, seconds: number): Promise<Load> {
  await askForToken(url, CLIENT_CREDENTIALS_FORM);
  return loadForm({ url, seconds, connections: 1, bodies: [CLIENT_CREDENTIALS_FORM] });
}

/** As executors ask that start at once: a TCP connection for each request. */
async function formAnew(url: string, seconds: number): Promise<Load> {
  await askForToken(url, CLIENT_CREDENTIALS_FORM);
  return loadForm({ url, seconds, headers: { connection: "close" }, bodies: [CLIENT_CREDENTIALS_FORM] });
}

async function connectJson(url: string, seconds: number): Promise<Load> {
  const bodies = [toJsonString(GetTokenRequestSchema, GRPC_REQUEST)];
  const headers = { "content-type": "application/json" };
  return loadHttp1({ url: url + RPC_PATH, connections: CONNECTIONS, seconds, headers, bodies });
}

async function grpc(url: string, seconds: number): Promise<Load> {
  const message = toBinary(GetTokenRequestSchema, GRPC_REQUEST);
  return loadGrpc({ url: url + RPC_PATH, connections: GRPC_CONNECTIONS, streams: GRPC_STREAMS, seconds, message });
}

/** Each request refreshes the token of an answer before, to have no token seen twice. */
export async function exchange(url: string, seconds: number): Promise<Load> {
  const first: string[] = [];
  for (let at = 0; at < FIRST_TOKENS; at++) first.push((await askForToken(url, CLIENT_CREDENTIALS_FORM)).access_token);
  return loadForm({
    url,
    seconds,
    headers: { authorization: "Bearer TOKEN" },
    bodies: [refreshForm("TOKEN")],
    tokens: { first, member: "access_token" },
  });
}

/** Each request uses the refresh token of an answer before, as a client does. */
async function refreshToken(url: string, seconds: number): Promise<Load> {
  const first: string[] = [];
  for (let user = 0; user < FIRST_TOKENS; user++) {
    first.push((await askForToken(url, userExchangeForm(`user-${user}`))).refresh_token ?? "");
  }
  return loadForm({ url, seconds, bodies: [refreshTokenForm("TOKEN")], tokens: { first, member: "refresh_token" } });
}

/** Puts forms on the token endpoint, again and again. */
export function loadForm(load: Omit<Http1Load, "connections" | "headers"> & Partial<Http1Load>): Promise<Load> {
  return loadHttp1({
    connections: CONNECTIONS,
    ...load,
    url: load.url + FORM_PATH,
    headers: { ...FORM_HEADERS, ...load.headers },
  });
}

interface TokenAnswer {
  readonly access_token: string;
  readonly refresh_token?: string;
}

/** One request, before any load is put on a server that may refuse it. */
export async function askForToken(url: string, body: string): Promise<TokenAnswer> {
  const answer = await fetch(url + FORM_PATH, { method: "POST", headers: FORM_HEADERS, body });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${url} refused: ${answer.status} ${text}`);
  const token: TokenAnswer = JSON.parse(text);
  return token;
}
