/** What every answer of the token endpoint must be for every Iceberg client to take it as it is meant. */
import { decodeJwt } from "jose";
import { expect } from "vitest";
import type { RawAnswer } from "./http-exchange.js";

/** The words of RFC 6749 section 5.2: both Python clients know no other. */
const SIX_WORDS = [
  "invalid_request",
  "invalid_client",
  "invalid_grant",
  "unauthorized_client",
  "unsupported_grant_type",
  "invalid_scope",
];

/** A token set, as the answer spells it. */
export interface TokenSet {
  readonly access_token: string;
  readonly token_type: string;
  readonly expires_in: number;
  readonly issued_token_type: string;
  readonly scope?: string;
  readonly refresh_token?: string;
}

/** Asserts that the answer is a token set that no client stumbles over, and returns it. */
export function expectTokenSet(answer: RawAnswer): TokenSet {
  expect(answer.status, answer.body).toBe(200);
  expect(answer.headers["content-type"]).toBe("application/json");
  expect(answer.headers["content-encoding"]).toBeUndefined();
  expectNotStored(answer);
  const set = JSON.parse(answer.body) as TokenSet;
  expect(Object.keys(set)).toEqual(expect.arrayContaining(["access_token", "token_type", "expires_in"]));
  expect(Object.values(set)).not.toContain(null);
  expect(set.token_type).toBe("bearer");
  expect(answer.body).toMatch(/"expires_in":[1-9]\d{0,9}[,}]/);
  expect(set.expires_in).toBeLessThan(2 ** 31);
  expect(set.issued_token_type).toBe("urn:ietf:params:oauth:token-type:access_token");
  if ("scope" in set) expect(set.scope).toMatch(/^[^\s"\\]+( [^\s"\\]+)*$/);
  const { exp = 0, iat = 0 } = decodeJwt(set.access_token);
  expect(exp - iat).toBe(set.expires_in);
  return set;
}

/** Asserts that the answer is a refusal of this kind that says something to a person, and returns what it says. */
export function expectRefusal(answer: RawAnswer, status: number, error: string): string {
  expect({ status: answer.status, body: answer.body }).toMatchObject({ status });
  expect(answer.headers["content-type"]).toBe("application/json");
  expectNotStored(answer);
  const refusal = JSON.parse(answer.body) as Record<string, unknown>;
  expect(refusal).toEqual({ error, error_description: expect.any(String), error_uri: expect.any(String) });
  if (status === 400 && error !== "invalid_target") expect(SIX_WORDS).toContain(error);
  const description = String(refusal["error_description"]);
  expect(description.length).toBeGreaterThan(10);
  if (status === 401) expect(answer.headers["www-authenticate"]).toMatch(/^(Basic|Bearer) realm="icemint"/);
  if (status === 429 || status === 503) expect(answer.headers["retry-after"]).toBe("1");
  return description;
}

function expectNotStored({ headers }: RawAnswer): void {
  expect(headers["cache-control"]).toBe("no-store");
  expect(headers["pragma"]).toBe("no-cache");
  expect(headers["x-request-id"]).toMatch(/^\S{8,}$/);
  expect(headers.location).toBeUndefined();
}
