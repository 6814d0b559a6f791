/** The admin port of an edge: whether the process lives, what it holds, and its metrics. It shows no token. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { CollectedMetric } from "../telemetry/collected-metric.js";
import { exposition, EXPOSITION_TYPE } from "./exposition.js";
import type { Holding } from "./part.js";

export interface AdminOptions {
  readonly holdings: () => readonly Holding[];
  readonly metrics: readonly CollectedMetric[];
}

interface Page {
  readonly status: number;
  readonly contentType?: string;
  readonly body: string;
}

export function createAdmin({ holdings, metrics }: AdminOptions) {
  const pages = new Map<string, () => Page>([
    ["/livez", () => ({ status: 200, body: "ok\n" })],
    ["/readyz", () => readiness(holdings())],
    ["/metrics", () => ({ status: 200, contentType: EXPOSITION_TYPE, body: exposition(metrics) })],
  ]);
  return ({ method, url = "" }: IncomingMessage, response: ServerResponse): void => {
    const page = pages.get(url.split("?")[0] ?? "");
    if (page === undefined) return send(response, { status: 404, body: "not found\n" });
    if (method !== "GET" && method !== "HEAD") return send(response, { status: 405, body: "only GET\n" });
    send(response, page());
  };
}

const MARKS = { ok: "[+]", degraded: "[~]", failing: "[-]" } as const;

function readiness(holdings: readonly Holding[]): Page {
  const isFailing = holdings.some(({ state }) => state === "failing");
  const verdict = isFailing ? "not ready" : holdings.some(({ state }) => state === "degraded") ? "degraded" : "ok";
  const lines = holdings.map(({ name, state, detail }) => `${MARKS[state]} ${name} ${state} (${detail})`);
  return { status: isFailing ? 503 : 200, body: `${[...lines, verdict].join("\n")}\n` };
}

function send(response: ServerResponse, { status, contentType = "text/plain; charset=utf-8", body }: Page): void {
  response.writeHead(status, {
    "Content-Type": contentType,
    "Content-Length": Buffer.byteLength(body),
    "Cache-Control": "no-store",
    ...(status === 405 && { Allow: "GET, HEAD" }),
  });
  response.end(body);
}
