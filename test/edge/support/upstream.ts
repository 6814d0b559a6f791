/** A service that checks nobody and remembers what it got. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";

export interface UpstreamRequest {
  readonly method: string;
  readonly url: string;
  /** Names in lower case, in the order on the wire. */
  readonly fields: readonly (readonly [string, string])[];
  readonly body: string;
}

export interface Upstream extends AsyncDisposable {
  readonly port: number;
  readonly requests: readonly UpstreamRequest[];
}

/** It answers every request with 200. */
export async function startUpstream(): Promise<Upstream> {
  const requests: UpstreamRequest[] = [];
  const server = createServer((request, response) => {
    const { method = "", url = "", rawHeaders } = request;
    const fields = rawHeaders.flatMap((name, at): [string, string][] =>
      at % 2 === 0 ? [[name.toLowerCase(), rawHeaders[at + 1] ?? ""]] : [],
    );
    const answer = async (): Promise<void> => {
      requests.push({ method, url, fields, body: await text(request) });
      response.end("upstream");
    };
    answer().catch(() => response.destroy());
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    requests,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
