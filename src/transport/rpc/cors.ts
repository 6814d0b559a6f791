/** Cross-origin access for browsers that speak gRPC-Web or Connect. Off unless origins are configured. */
import { cors } from "@connectrpc/connect";

export interface CorsPolicy {
  /** Headers of an answer to this origin. Undefined if the origin may not read it. */
  forAnswer(origin: string | undefined): Readonly<Record<string, string>> | undefined;
  /** Headers of the answer to a preflight. Undefined if the origin is refused. */
  forPreflight(origin: string | undefined): Readonly<Record<string, string>> | undefined;
}

const PREFLIGHT = {
  "access-control-allow-methods": cors.allowedMethods.join(", "),
  "access-control-allow-headers": [...cors.allowedHeaders, "Authorization", "Traceparent", "X-Request-Id"].join(", "),
  "access-control-max-age": "7200",
};
const EXPOSED = [...cors.exposedHeaders, "X-Request-Id", "Retry-After"].join(", ");

/** `*` among the origins allows every page. */
export function createCorsPolicy(origins: readonly string[]): CorsPolicy {
  const allowed = new Set(origins);
  const permits = (origin: string | undefined): origin is string =>
    origin !== undefined && (allowed.has(origin) || allowed.has("*"));
  return {
    forAnswer: (origin) =>
      permits(origin)
        ? { "access-control-allow-origin": origin, "access-control-expose-headers": EXPOSED, vary: "Origin" }
        : undefined,
    forPreflight: (origin) =>
      permits(origin) ? { "access-control-allow-origin": origin, vary: "Origin", ...PREFLIGHT } : undefined,
  };
}
