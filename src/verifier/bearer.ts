import { VerificationError } from "./verification-error.js";

const BEARER = /^bearer +([A-Za-z0-9._~+/-]+=*)$/i;

/**
 * The token of the `Authorization` fields of a request (RFC 6750 section 2.1). Two of them are refused, even
 * if a proxy has joined them with a comma: another hop may have verified the other one.
 */
export function bearerToken(fields: readonly string[]): string {
  const [field, ...more] = fields;
  const token = field === undefined || more.length > 0 ? undefined : BEARER.exec(field)?.[1];
  if (token === undefined) throw new VerificationError("missing");
  return token;
}
