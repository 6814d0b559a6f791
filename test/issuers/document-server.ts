/** A real HTTP server of JSON documents, as an issuer runs one. */
import { once } from "node:events";
import http from "node:http";
import https from "node:https";

/** What a path answers; a text is sent as it is. */
interface DocumentAnswer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  /** Never answers. */
  readonly silent?: boolean;
}

/** The server; `answers` may be changed while it runs. */
export interface DocumentServer extends AsyncDisposable {
  readonly url: string;
  readonly answers: Map<string, DocumentAnswer>;
  /** Requests so far, newest last. */
  readonly seen: http.IncomingMessage[];
}

/** Whether a request takes a type. Strictly, as a kube-apiserver asks it. */
function accepts({ headers: { accept = "*/*" } }: http.IncomingMessage, type: string): boolean {
  return accept.split(",").some((range) => ["*/*", type].includes(range.split(";")[0]?.trim() ?? ""));
}

/** Starts one on a free loopback port. */
export async function documentServer(tls?: { readonly key: string; readonly cert: string }): Promise<DocumentServer> {
  const answers = new Map<string, DocumentAnswer>();
  const seen: http.IncomingMessage[] = [];
  const handle: http.RequestListener = (request, response) => {
    seen.push(request);
    const { status = 200, headers = {}, body = {}, silent } = answers.get(request.url ?? "") ?? { status: 404 };
    if (silent) return;
    const type = headers["content-type"] ?? "application/json";
    if (!accepts(request, type)) return void response.writeHead(406).end();
    response.writeHead(status, { "content-type": type, ...headers });
    response.end(typeof body === "string" ? body : JSON.stringify(body));
  };
  const server = tls ? https.createServer(tls, handle) : http.createServer(handle);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no TCP address");
  return {
    url: `${tls ? "https" : "http"}://127.0.0.1:${address.port}`,
    answers,
    seen,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
