/** Load over HTTP/1.1 by autocannon. */
import autocannon, { type Client, type Result } from "autocannon";
import { percentile, type Load } from "./load.js";

/** A POST, and how hard to repeat it. */
export interface Http1Load {
  readonly url: string;
  readonly connections: number;
  readonly seconds: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** Makes the next request of a connection from the answer, where each depends on the one before. */
  readonly next?: ((answer: string) => Partial<Post>) | undefined;
  /** The first body of each connection, where they differ. */
  readonly first?: readonly string[] | undefined;
}

/** What of a request can change. */
export interface Post {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Repeats a POST for some seconds. */
export function loadHttp1({ url, connections, seconds, headers, body, next, first }: Http1Load): Promise<Load> {
  let opened = 0;
  const setupClient = (client: Client) => {
    const own = first?.[opened++];
    if (own !== undefined) client.setBody(own);
    if (next === undefined) return;
    client.on("body", (answer: Buffer) => {
      const changed = next(answer.toString());
      client.setHeadersAndBody({ ...headers, ...changed.headers }, changed.body ?? body);
    });
  };
  return new Promise((resolve, reject) => {
    const latencies: number[] = [];
    const done = (error: Error | null, result: Result): void => {
      if (error !== null) return reject(error);
      const sorted = latencies.toSorted((a, b) => a - b);
      resolve({
        requests: result["2xx"],
        failures: result.non2xx + result.errors,
        seconds: result.duration,
        p50Ms: percentile(sorted, 0.5),
        p99Ms: percentile(sorted, 0.99),
      });
    };
    autocannon({ url, connections, duration: seconds, method: "POST", headers, body, setupClient }, done).on(
      "response",
      (_client: Client, _status: number, _bytes: number, ms: number) => latencies.push(ms),
    );
  });
}
