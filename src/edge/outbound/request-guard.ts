/**
 * Keeps web pages and proxies away from the local token endpoint. A page can post a form to loopback without asking
 * (a form is CORS-simple), and can reach it under a name of its own (DNS rebinding).
 */
import type { IncomingMessage } from "node:http";

const LOOPBACK_NAMES = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;

/** Returns why a request is refused. `hosts` are names in small letters; empty: only loopback's. */
export function createRequestGuard(hosts: readonly string[]) {
  const accepts = (name: string): boolean => (hosts.length === 0 ? LOOPBACK_NAMES.test(name) : hosts.includes(name));
  return ({ headersDistinct: headers }: Pick<IncomingMessage, "headersDistinct">): string | undefined => {
    const [host = "", ...more] = headers["host"] ?? [];
    const name = host.toLowerCase().replace(/:\d{1,5}$/, "");
    if (more.length > 0 || !accepts(name)) return "The Host header names another server.";
    if (headers["origin"] !== undefined) return "Requests of web pages are refused (Origin).";
    const isForwarded = Object.keys(headers).some(
      (header) => header.startsWith("x-forwarded-") || header === "forwarded",
    );
    return isForwarded ? "Requests through a proxy are refused (X-Forwarded, Forwarded)." : undefined;
  };
}
