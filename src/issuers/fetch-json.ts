/**
 * Fetches the documents of trusted issuers: only URLs from the settings or from an issuer's own discovery document. Ours
 * instead of `fetch`, which takes no CA of an issuer's own without undici as a further package, and costs 9 MiB to load.
 */
import { Buffer } from "node:buffer";
import http from "node:http";
import https from "node:https";

interface JsonRequest {
  readonly url: string;
  /** PEM file of the only CAs to believe, instead of the system's. Read each time, since it may be renewed. */
  readonly caFile: string | undefined;
  /** File with a bearer token; sent over TLS only. Read each time: Kubernetes renews it. */
  readonly tokenFile: string | undefined;
}

interface JsonAnswer {
  readonly json: unknown;
  /** `max-age` of its `Cache-Control`. */
  readonly maxAgeSeconds: number | undefined;
}

/** Fetches one JSON document. Rejects after 5 s, over 1 MiB, and for every status but 200: no redirect is followed. */
export type FetchJson = (request: JsonRequest) => Promise<JsonAnswer>;

const TIMEOUT_MS = 5000;
const MAX_BYTES = 1024 * 1024;
/** A kube-apiserver answers 406 unless the type of its key set is named (RFC 7517 section 8.5.2). */
const ACCEPT = "application/json, application/jwk-set+json, */*;q=0.1";

/** `readFile` reads a text file. */
export function createJsonFetcher(dependencies: {
  readonly readFile: (path: string) => Promise<string>;
  readonly timeoutMs?: number;
}): FetchJson {
  const { readFile, timeoutMs = TIMEOUT_MS } = dependencies;
  return async ({ url, caFile, tokenFile }) => {
    const target = new URL(url);
    const secure = target.protocol === "https:";
    if (!secure && target.protocol !== "http:") throw new Error(`cannot fetch by ${target.protocol}`);
    const headers: Record<string, string> = { accept: ACCEPT, "accept-encoding": "identity" };
    if (secure && tokenFile !== undefined) headers["authorization"] = `Bearer ${(await readFile(tokenFile)).trim()}`;
    const ca = caFile === undefined ? {} : { ca: await readFile(caFile) };
    const signal = AbortSignal.timeout(timeoutMs);
    const options = { headers, agent: false, signal } as const;
    try {
      const response = await answerOf(secure ? https.get(target, { ...options, ...ca }) : http.get(target, options));
      return { json: parse(await bodyOf(response)), maxAgeSeconds: maxAgeOf(response.headers["cache-control"]) };
    } catch (error) {
      throw signal.aborted ? new Error(`did not answer within ${timeoutMs} ms`) : error;
    }
  };
}

function answerOf(request: http.ClientRequest): Promise<http.IncomingMessage> {
  return new Promise((resolve, reject) => {
    request.on("error", reject);
    request.once("response", (response) => {
      if (response.statusCode === 200) return resolve(response);
      response.destroy();
      reject(new Error(`answered ${response.statusCode ?? "nothing"} where 200 was expected`));
    });
  });
}

async function bodyOf(response: http.IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length;
    // Leaving the loop destroys the response.
    if (size > MAX_BYTES) throw new Error(`answered more than ${MAX_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error("answered something that is not JSON");
  }
}

function maxAgeOf(cacheControl: string | undefined): number | undefined {
  const digits = /(?:^|[\s,])max-age="?(\d{1,9})/i.exec(cacheControl ?? "")?.[1];
  return digits === undefined ? undefined : Number(digits);
}
