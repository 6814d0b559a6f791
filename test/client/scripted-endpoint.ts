/** A token endpoint that answers as it is told, and keeps what it was asked. */
import { once } from "node:events";
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type RequestListener,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";

export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly form: Readonly<Record<string, readonly string[]>>;
}

/** The endpoint. */
export interface ScriptedEndpoint extends AsyncDisposable {
  readonly url: string;
  readonly asked: readonly Asked[];
  /** How many connections are open. */
  connections(): Promise<number>;
  answer: RequestListener;
}

/** An answer with a status and a body, JSON unless it is a string. */
export function answering(
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): RequestListener {
  return (_request, response) => {
    response.writeHead(status, { "content-type": "application/json", ...headers });
    response.end(typeof body === "string" ? body : JSON.stringify(body));
  };
}

/** What a token server answers. */
export const TOKEN_ANSWER = { access_token: "t.o.k", token_type: "Bearer", expires_in: 3600, scope: "catalog" };

/** Starts one that gives out a token. */
export async function startEndpoint(): Promise<ScriptedEndpoint> {
  const asked: Asked[] = [];
  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const form = new URLSearchParams(await text(request));
    asked.push({
      method: request.method ?? "",
      path: request.url ?? "",
      headers: request.headers,
      form: Object.fromEntries([...new Set(form.keys())].map((name) => [name, form.getAll(name)])),
    });
    endpoint.answer(request, response);
  }
  const server = createServer((request, response) => void serve(request, response));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const endpoint: ScriptedEndpoint = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    answer: answering(200, TOKEN_ANSWER),
    connections: () =>
      new Promise((resolve, reject) => {
        server.getConnections((error, count) => (error ? reject(error) : resolve(count)));
      }),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
  return endpoint;
}
