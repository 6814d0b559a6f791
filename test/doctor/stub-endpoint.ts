/** A token endpoint that does what every client needs and no more, with places to plant a fault. */
import { once } from "node:events";
import { type IncomingMessage, type Server, type ServerResponse, createServer } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";

const URN = "urn:ietf:params:oauth";
export const STUB_CREDENTIAL = { id: "etl", secret: "right-secret-0123456789" };

/** A request, as the endpoint understands it. */
export interface StubRequest {
  readonly method: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
  readonly form: URLSearchParams;
  readonly grant: string;
  /** How the client proves itself. */
  readonly by: "form" | "basic" | "bearer" | "nothing";
  readonly isRightful: boolean;
  /** Counted from one. */
  readonly number: number;
}

/** An answer; an object is sent as JSON. */
export interface StubAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Readonly<Record<string, unknown>> | string;
}

/** Changes what would be answered. */
export type Fault = (
  answer: StubAnswer,
  request: StubRequest,
  response: ServerResponse,
) => StubAnswer | Promise<StubAnswer>;

export interface Stub extends AsyncDisposable {
  readonly url: URL;
  readonly requests: StubRequest[];
}

export interface StubOptions {
  readonly fault?: Fault;
  readonly tls?: { readonly key: string; readonly cert: string };
  readonly path?: string;
}

export async function startStub({
  fault = (answer) => answer,
  tls,
  path = "/v1/oauth/tokens",
}: StubOptions = {}): Promise<Stub> {
  const requests: StubRequest[] = [];
  const handle = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    const request = await readRequest(incoming, requests.length + 1);
    requests.push(request);
    const { status, headers, body } = await fault(rightAnswer(request), request, response);
    if (response.destroyed || response.writableEnded) return;
    response.writeHead(status, headers).end(typeof body === "string" ? body : JSON.stringify(body));
  };
  const onRequest = (incoming: IncomingMessage, response: ServerResponse): void => {
    handle(incoming, response).catch(() => response.destroy());
  };
  const server: Server = tls === undefined ? createServer(onRequest) : createTlsServer(tls, onRequest);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: new URL(`${tls === undefined ? "http" : "https"}://127.0.0.1:${port}${path}`),
    requests,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

async function readRequest(incoming: IncomingMessage, number: number): Promise<StubRequest> {
  const body = await text(incoming);
  const form = new URLSearchParams(body);
  const [scheme = "", content = ""] = (incoming.headers.authorization ?? "").split(" ");
  const basic = scheme === "Basic" ? Buffer.from(content, "base64").toString("utf8") : undefined;
  const { id, secret } = STUB_CREDENTIAL;
  const isLive = scheme === "Bearer" && /^token-\d+$/.test(content);
  const base = {
    method: incoming.method ?? "",
    headers: incoming.headers,
    body,
    form,
    grant: form.get("grant_type") ?? "",
    number,
  };
  if (basic !== undefined) return { ...base, by: "basic", isRightful: [`${id}:${secret}`, secret].includes(basic) };
  if (form.has("client_secret")) {
    const isRightful = form.get("client_secret") === secret && [id, null].includes(form.get("client_id"));
    return { ...base, by: "form", isRightful };
  }
  return { ...base, by: scheme === "Bearer" ? "bearer" : "nothing", isRightful: isLive };
}

/** A refusal as RFC 6749 has it. */
export function refusal(status: number, error: string, description = `the reason is ${error}`): StubAnswer {
  const challenge = status === 401 ? { "www-authenticate": 'Basic realm="stub"' } : {};
  return {
    status,
    headers: { "content-type": "application/json", "cache-control": "no-store", ...challenge },
    body: { error, error_description: description },
  };
}

function rightAnswer({ method, grant, form, isRightful, number }: StubRequest): StubAnswer {
  if (method !== "POST") return { ...refusal(405, "invalid_request"), headers: { allow: "POST" } };
  if (grant === "") return refusal(400, "invalid_request", "grant_type is missing");
  if (!isRightful) return refusal(401, "invalid_client");
  const subject = form.get("subject_token");
  if (subject !== null && !/^token-\d+$/.test(subject)) return refusal(400, "invalid_request", "not a token of ours");
  return {
    status: 200,
    headers: { "content-type": "application/json", "cache-control": "no-store" },
    body: {
      access_token: `token-${number}`,
      token_type: "bearer",
      expires_in: 3600,
      issued_token_type: `${URN}:token-type:access_token`,
    },
  };
}
