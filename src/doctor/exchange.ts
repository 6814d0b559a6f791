/** One HTTP/1.1 request and its answer, bounded in bytes and in time, never following a redirect. */
import { Agent as HttpAgent, type IncomingMessage, request as httpRequest } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { gunzipSync } from "node:zlib";
import type { WireRequest } from "./fill-request.js";

/** At most this much of an answer is read. */
export const MOST_BYTES = 256 * 1024;
/** All requests of a run, the catalog's included. */
export const MOST_REQUESTS = 40;

export interface Answer {
  readonly kind: "answer";
  readonly status: number;
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly tooBig: boolean;
  readonly tookMs: number;
}

/** Why there is no answer. */
export interface Failure {
  readonly kind: "failure";
  readonly cause: "certificate" | "timeout" | "dropped" | "unreachable";
  readonly text: string;
}

export type Outcome = Answer | Failure;

export interface ExchangeOptions {
  /** For one request, from its first byte to the last of its answer. */
  readonly timeoutMs: number;
  /** A PEM text of further authorities. */
  readonly ca?: string | undefined;
  /** In milliseconds. It measures how long an answer takes. */
  readonly clock: () => number;
}

/** Sends requests and counts them. Connections are kept, as clients keep them. */
export class Exchange implements Disposable {
  readonly #options: ExchangeOptions;
  readonly #agents: readonly [HttpAgent, HttpsAgent];
  #sent = 0;

  constructor(options: ExchangeOptions) {
    this.#options = options;
    const settings = { keepAlive: true, maxSockets: 4 };
    const { ca } = options;
    this.#agents = [new HttpAgent(settings), new HttpsAgent(ca === undefined ? settings : { ...settings, ca })];
  }

  /** How many requests were sent. */
  get sent(): number {
    return this.#sent;
  }

  get isSpent(): boolean {
    return this.#sent >= MOST_REQUESTS;
  }

  /** Never rejects. */
  async send(url: URL, wire: WireRequest): Promise<Outcome> {
    if (this.isSpent) return { kind: "failure", cause: "unreachable", text: `${MOST_REQUESTS} requests were sent` };
    this.#sent++;
    const { clock, timeoutMs } = this.#options;
    const began = clock();
    try {
      const { promise, resolve, reject } = Promise.withResolvers<Omit<Answer, "tookMs">>();
      const sent = this.#open(url, wire);
      const timer = setTimeout(() => sent.destroy(new TimedOut()), timeoutMs);
      sent.on("error", reject);
      // A body that is never read would hold its connection.
      sent.on("response", (response) => void readAnswer(response).then(resolve, reject));
      sent.end(wire.body);
      const answer = await promise.finally(() => clearTimeout(timer));
      return { ...answer, tookMs: clock() - began };
    } catch (error) {
      return failure(error);
    }
  }

  [Symbol.dispose](): void {
    for (const agent of this.#agents) agent.destroy();
  }

  #open(url: URL, { method, headers, body }: WireRequest) {
    const [http, https] = this.#agents;
    const length = method === "GET" ? [] : ["Content-Length", String(Buffer.byteLength(body))];
    // The client's own spelling and order; who answers compressed was not asked to.
    const fields = ["Host", url.host, ...headers.flat(), ...length];
    return url.protocol === "https:"
      ? httpsRequest(url, { method, headers: fields, agent: https })
      : httpRequest(url, { method, headers: fields, agent: http });
  }
}

class TimedOut extends Error {}

async function readAnswer(response: IncomingMessage): Promise<Omit<Answer, "tookMs">> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response) {
    const bytes = Buffer.from(chunk);
    size += bytes.length;
    chunks.push(bytes);
    if (size > MOST_BYTES) {
      response.destroy();
      break;
    }
  }
  const headers = Object.fromEntries(
    Object.entries(response.headers).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.join(", ") : (value ?? ""),
    ]),
  );
  const bytes = Buffer.concat(chunks).subarray(0, MOST_BYTES);
  const body = headers["content-encoding"] === "gzip" ? gunzip(bytes) : bytes;
  return {
    kind: "answer",
    status: response.statusCode ?? 0,
    headers,
    body: body.toString("utf8"),
    tooBig: size > MOST_BYTES,
  };
}

function gunzip(bytes: Buffer): Buffer {
  try {
    return gunzipSync(bytes, { maxOutputLength: MOST_BYTES });
  } catch {
    return bytes;
  }
}

const CERTIFICATE =
  /^(CERT_|DEPTH_ZERO_SELF_SIGNED|SELF_SIGNED_|UNABLE_TO_(VERIFY|GET_ISSUER)|ERR_TLS_CERT_ALTNAME|INVALID_CA|HOSTNAME_)/;

function failure(error: unknown): Failure {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  const text = error instanceof Error ? `${code} ${error.message}`.trim() : String(error);
  if (error instanceof TimedOut) return { kind: "failure", cause: "timeout", text: "no whole answer in time" };
  if (CERTIFICATE.test(code)) return { kind: "failure", cause: "certificate", text };
  const unreachable = /^(ECONNREFUSED|ENOTFOUND|EAI_|EHOSTUNREACH|ENETUNREACH|ETIMEDOUT|EADDRNOTAVAIL)/.test(code);
  return { kind: "failure", cause: unreachable ? "unreachable" : "dropped", text };
}
