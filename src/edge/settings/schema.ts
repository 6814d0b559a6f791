/** The shape of the settings file of `icemint edge`. Each name here is explained in docs/edge.md. */
import { z } from "zod";
import { duration, flag, issuerUrl, listenAddress, matching, oneOf, text, url } from "../../config/reading/fields.js";
import { parseListenAddress } from "../../config/reading/listen-address.js";
import { DAY, SECOND } from "../../time/clock.js";
import type { EndpointAddress } from "./settings.js";

const MAX_PATH = 4096;
/** Of `sockaddr_un`, without the final zero and the ending that a socket has before it is in place. */
const MAX_SOCKET_PATH = 100;

function absolutePath(example: string) {
  return matching(/^\//, "must be an absolute path", example, MAX_PATH);
}

/** `host:port` or `unix:/path`. */
function endpointAddress(example: string) {
  return z
    .unknown()
    .transform((value, context): EndpointAddress => {
      const found = typeof value === "string" ? parseEndpoint(value) : undefined;
      if (found !== undefined) return found;
      context.addIssue({
        code: "custom",
        message: `must be host:port, or unix: and an absolute path of at most ${MAX_SOCKET_PATH} bytes`,
      });
      return z.NEVER;
    })
    .meta({ example });
}

function parseEndpoint(value: string): EndpointAddress | undefined {
  if (value.startsWith("unix:")) {
    const path = value.slice("unix:".length);
    return /^\/[^\0]+$/.test(path) && Buffer.byteLength(path) <= MAX_SOCKET_PATH ? { kind: "unix", path } : undefined;
  }
  const address = parseListenAddress(value);
  return address && { kind: "tcp", ...address };
}

/** A string, or a list of strings. */
function oneOrMore(item: z.ZodType<string>, example: string) {
  return z
    .union([item.transform((value) => [value]), z.array(item)], { error: "must be a string or a list of strings" })
    .meta({ example });
}

const scope = matching(
  /^[\x21\x23-\x5B\x5D-\x7E]+(?: [\x21\x23-\x5B\x5D-\x7E]+)*$/,
  "must be scope words with single spaces between (RFC 6749 section 3.3)",
  "catalog",
  2000,
);
const scopeWord = matching(/^[\x21\x23-\x5B\x5D-\x7E]+$/, "must be one scope word", "catalog");

/** Nobody but the owner may write a token, and nobody executes one. */
const fileMode = matching(/^0?[46][04][04]$/, "must be a mode such as 0600, 0640 or 0644, in quotes", '"0640"', 4);

const credential = z
  .strictObject({
    client_id: text("spark", 200).optional(),
    jwt_file: absolutePath("/var/run/secrets/tokens/icemint").optional(),
    secret_file: absolutePath("/run/secrets/icemint").optional(),
    private_key_file: absolutePath("/run/secrets/icemint.pem").optional(),
    audience: text("https://tokens.example.com", 2000).optional(),
  })
  .meta({ example: "{ jwt_file: /var/run/secrets/tokens/icemint }" });

const tokenEntry = z
  .strictObject({
    name: matching(/^[a-z0-9][a-z0-9_.-]*$/, "may hold only small letters, digits and - _ .", "lake", 64),
    scope: scope.optional(),
    audience: oneOrMore(text("https://catalog.example.com", 2000), "https://catalog.example.com").optional(),
    resource: oneOrMore(
      url(["https", "http", "urn"], "https://catalog.example.com"),
      "https://catalog.example.com",
    ).optional(),
    file: absolutePath("/run/icemint/lake.token").optional(),
    mode: fileMode.optional(),
  })
  .meta({ example: "{ name: lake, scope: catalog }" });

const outbound = z.strictObject({
  listen: endpointAddress("127.0.0.1:8190").optional(),
  hosts: z
    .array(
      matching(
        /^[A-Za-z0-9.-]+$|^\[[0-9A-Fa-f:]+\]$/,
        "must be a host name or address without a port",
        "edge.lake.svc",
        253,
      ),
    )
    .optional(),
  secret_file: absolutePath("/run/secrets/edge").optional(),
  tokens: z.array(tokenEntry).optional(),
});

const inbound = z.strictObject({
  ext_authz: listenAddress("127.0.0.1:8191").optional(),
  forward_auth: listenAddress("127.0.0.1:8192").optional(),
  issuer: issuerUrl("https://tokens.example.com").optional(),
  audience: text("https://catalog.example.com", 2000),
  path_header: matching(/^[A-Za-z0-9-]+$/, "must be the name of a header", "X-Forwarded-Uri", 100).optional(),
  rules: z
    .array(
      z
        .strictObject({ path: text("/v1/admin/*", 2000), scopes: z.array(scopeWord).meta({ example: "[admin]" }) })
        .meta({ example: '{ path: "/v1/admin/*", scopes: [admin] }' }),
    )
    .optional(),
  max_staleness: duration(SECOND, DAY, "5m").optional(),
  when_stale: oneOf(["refuse", "allow"], "refuse").optional(),
  strip: flag(true).optional(),
});

export const edgeSchema = z.strictObject({
  server: url(["https", "http"], "https://tokens.example.com"),
  token_path: matching(
    /^\/[A-Za-z0-9._~@:/-]*$/,
    "must be a path: a slash, then letters, digits and . _ ~ @ : / -",
    "/v1/oauth/tokens",
  ).optional(),
  credential,
  outbound: outbound.optional(),
  inbound: inbound.optional(),
  admin: listenAddress("127.0.0.1:9465").optional(),
});
