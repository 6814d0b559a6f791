/**
 * Stands in for a token endpoint and a catalog. A client that is pointed at it shows what it asks and how it will behave.
 * The tokens are worth nothing and live for a minute: renewals are seen as well.
 */
import { once } from "node:events";
import { type IncomingMessage, type ServerResponse, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type HeardRequest, describeRequest, recogniseClient } from "./describe-request.js";
import type { Client, Kit } from "./kit.js";

export interface ListenOptions {
  readonly kit: Kit;
  readonly host: string;
  readonly port: number;
  readonly say: (text: string) => void;
  readonly clock: () => number;
}

/** An open stand-in. */
export interface Listening extends AsyncDisposable {
  readonly address: AddressInfo;
}

const LIFE_SECONDS = 60;
const MOST_BYTES = 64 * 1024;
const MOST_CONNECTIONS = 64;
const PATIENCE_MS = 10_000;

/** Opens it. Rejects if the address cannot be had. */
export async function listen({ kit, host, port, say, clock }: ListenOptions): Promise<Listening> {
  const known = new Set<string>();
  const began = clock();
  let count = 0;
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const heard = await hear(request);
    if (heard === undefined) {
      response.writeHead(413, { connection: "close" }).end();
      return;
    }
    count++;
    const after = ((clock() - began) / 1000).toFixed(1);
    say(`${after} s  ${describeRequest(heard).join("\n")}\n`);
    const client = isTokenRequest(heard) ? recogniseClient(kit, heard) : undefined;
    if (client !== undefined && !known.has(client.id)) {
      known.add(client.id);
      say(introduce(client));
    }
    answer(heard, response, count);
  };
  const server = createServer({ requestTimeout: PATIENCE_MS, headersTimeout: PATIENCE_MS }, (request, response) => {
    handle(request, response).catch(() => response.destroy());
  });
  server.maxConnections = MOST_CONNECTIONS;
  server.listen(port, host);
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the address is no TCP address");
  return {
    address,
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}

async function hear(request: IncomingMessage): Promise<HeardRequest | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    const bytes = Buffer.from(chunk);
    size += bytes.length;
    if (size > MOST_BYTES) return undefined;
    chunks.push(bytes);
  }
  const headers = Object.fromEntries(
    Object.entries(request.headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(", ") : value]),
  );
  const body = Buffer.concat(chunks).toString("utf8");
  return { method: request.method ?? "", target: request.url ?? "", headers, body };
}

function isTokenRequest({ method, body, target }: HeardRequest): boolean {
  return method === "POST" && /grant_type/.test(body + target);
}

/** What is known of a client, at its first request. */
function introduce({ id, name, version, behaviour }: Client): string {
  const known = behaviour.map((sentence) => `    ${sentence}\n`).join("");
  return `  This is like ${name} ${version} (conformance/clients/${id}.json):\n${known}`;
}

function answer(heard: HeardRequest, response: ServerResponse, count: number): void {
  const [path = ""] = heard.target.split("?");
  if (isTokenRequest(heard)) {
    json(response, 200, {
      access_token: `icemint-doctor-${count}`,
      token_type: "bearer",
      expires_in: LIFE_SECONDS,
      issued_token_type: "urn:ietf:params:oauth:token-type:access_token",
    });
  } else if (path.endsWith("/v1/config")) json(response, 200, { defaults: {}, overrides: {} });
  else {
    const message = "icemint doctor listens here: there are no tables";
    json(response, 404, { error: { message, type: "NoSuchNamespaceException", code: 404 } });
  }
}

function json(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { "content-type": "application/json", "cache-control": "no-store" });
  response.end(JSON.stringify(body));
}
