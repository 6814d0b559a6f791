/** The sources of trusted issuers' public keys, and loading from them. */
import { isJsonObject, type JsonValue } from "../oauth/json.js";
import { OPENID_METADATA_PATH, endpointUrl } from "../oauth/paths.js";
import type { FetchJson } from "./fetch-json.js";
import { readJwks, type KeyUse, type VerificationKey } from "../jwt/jwk-set.js";
import type { TrustedIssuer } from "./trusted-issuer.js";

export interface KeySource {
  readonly at:
    | { readonly kind: "uri"; readonly uri: string }
    | { readonly kind: "discovery"; readonly issuer: string }
    | { readonly kind: "file"; readonly path: string };
  readonly caFile: string | undefined;
  readonly tokenFile: string | undefined;
  readonly use: KeyUse;
}

/** Keys as they were loaded. */
export interface LoadedKeys {
  readonly keys: readonly VerificationKey[];
  /** As the source says; undefined if it does not. */
  readonly maxAgeSeconds: number | undefined;
}

export function keySourceOf({ issuer, keys, caFile, tokenFile, trustDomain }: TrustedIssuer): KeySource {
  const at = keys.kind === "discovery" ? { kind: keys.kind, issuer } : keys;
  return { at, caFile, tokenFile, use: trustDomain === undefined ? "sig" : "jwt-svid" };
}

/** Loads keys. Rejects with a reason that names no secret. */
export async function loadKeys(
  source: KeySource,
  dependencies: { readonly fetchJson: FetchJson; readonly readFile: (path: string) => Promise<string> },
): Promise<LoadedKeys> {
  const { at, caFile, tokenFile, use } = source;
  if (at.kind === "file") {
    return keysOf(JSON.parse(await dependencies.readFile(at.path)), undefined, use);
  }
  const fetchJson = (url: string) => dependencies.fetchJson({ url, caFile, tokenFile });
  const url = at.kind === "uri" ? at.uri : await discover(at.issuer, fetchJson);
  const { json, maxAgeSeconds } = await fetchJson(url);
  return keysOf(json, maxAgeSeconds, use);
}

/**
 * OpenID Connect Discovery 1.0 section 4. The document must be the issuer's own (section 4.3), and may lower the scheme
 * no further than the settings did.
 */
async function discover(
  issuer: string,
  fetchJson: (url: string) => Promise<{ readonly json: unknown }>,
): Promise<string> {
  const { json } = await fetchJson(endpointUrl(issuer, OPENID_METADATA_PATH));
  if (!isJsonObject(json) || json["issuer"] !== issuer) throw new Error("the discovery document is of another issuer");
  const uri = json["jwks_uri"];
  if (typeof uri !== "string" || !URL.canParse(uri)) throw new Error("the discovery document has no jwks_uri");
  if (new URL(issuer).protocol === "https:" && new URL(uri).protocol !== "https:") {
    throw new Error("the discovery document names a jwks_uri that is not https");
  }
  return uri;
}

function keysOf(document: unknown, maxAgeSeconds: number | undefined, use: KeyUse): LoadedKeys {
  const keys = readJwks(document, use);
  if (keys === undefined) throw new Error("is no JWK Set");
  return { keys, maxAgeSeconds: maxAgeSeconds ?? refreshHint(document) };
}

/** SPIFFE Trust Domain and Bundle section 4.1.2, in seconds. */
function refreshHint(document: unknown): number | undefined {
  const hint: JsonValue | undefined = isJsonObject(document) ? document["spiffe_refresh_hint"] : undefined;
  return typeof hint === "number" ? hint : undefined;
}
