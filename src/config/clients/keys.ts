/** The public keys of a client that signs assertions (`private_key_jwt`, RFC 7523). */
import { createPublicKey } from "node:crypto";
import type { ClientKeys } from "../../clients/client.js";
import { isJsonObject, type JsonObject } from "../../oauth/json.js";
import { isCleartext } from "../reading/listen-address.js";
import { type Findings, type Spot, inside } from "../reading/problem.js";
import type { ClientYaml } from "./read.js";

/** The keys of `private_key_jwt`, or their URL; undefined if the client has none. */
export function clientKeys(yaml: ClientYaml): ClientKeys | undefined {
  if (yaml.jwks_uri !== undefined) return { kind: "uri", uri: yaml.jwks_uri };
  return yaml.jwks && { kind: "inline", jwks: yaml.jwks };
}

/** Checks them: public, whole, and long enough. */
export function checkClientKeys(yaml: ClientYaml, spot: Spot, findings: Findings): void {
  if (yaml.jwks !== undefined && yaml.jwks_uri !== undefined) {
    findings.problem(spot, "must not have both jwks and jwks_uri");
  }
  if (yaml.jwks_uri !== undefined && isCleartext(yaml.jwks_uri)) {
    findings.warning(inside(spot, "jwks_uri"), "is fetched in clear: anyone on the way can put in a key");
  }
  if (yaml.jwks === undefined) return;
  const at = inside(spot, "jwks", "keys");
  const keys = yaml.jwks["keys"];
  if (!Array.isArray(keys)) {
    findings.problem(
      at,
      "must be a list of public keys (RFC 7517)",
      "{ keys: [{ kty: EC, crv: P-256, x: ..., y: ... }] }",
    );
    return;
  }
  for (const [index, key] of keys.entries()) {
    const reason = isJsonObject(key) ? wrongKey(key) : "must be a key (RFC 7517)";
    if (reason !== undefined) findings.problem(inside(at, index), reason, "{ kty: EC, crv: P-256, x: ..., y: ... }");
  }
}

/** The fault of a client's public key; undefined if it has none. */
function wrongKey(key: JsonObject): string | undefined {
  if (["d", "k", "p", "q"].some((member) => member in key)) return "must not hold a private or symmetric key";
  if (!["EC", "RSA", "OKP"].some((type) => type === key["kty"])) return "must have kty EC, RSA or OKP";
  try {
    const { asymmetricKeyDetails } = createPublicKey({ key: { ...key }, format: "jwk" });
    const bits = asymmetricKeyDetails?.modulusLength;
    return bits !== undefined && bits < 2048 ? "must have at least 2048 bits (RFC 7518 section 3.3)" : undefined;
  } catch {
    return "is not a complete public key (RFC 7518 section 6)";
  }
}
