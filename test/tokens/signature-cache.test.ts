import { randomBytes } from "node:crypto";
import { describe, expect, it } from "vitest";
import type { AccessToken } from "../../src/oauth/access-token.js";
import { createSignatureCache } from "../../src/tokens/signature-cache.js";

const parsed = (id: string): AccessToken => ({
  id,
  kid: "k",
  subject: "spark",
  clientId: "spark",
  actor: undefined,
  scope: [],
  audience: [],
  session: { id: "s", startedAt: 0, endsAt: 1, ancestors: [], keys: [] },
  issuedAt: 0,
  expiresAt: 1,
  subjectIssuer: undefined,
  unsecuredSubject: false,
  ruleDigests: [],
  claims: {},
  copied: [],
});
const newToken = () => `header.payload.${randomBytes(64).toString("base64url")}`;

describe("the cache of good signatures", () => {
  it("knows a token from its first use on, so that Bearer and subject of one refresh are verified once", () => {
    const cache = createSignatureCache();
    const token = newToken();
    expect(cache.get(token)).toBeUndefined();
    cache.put(token, parsed("a"));
    expect(cache.get(token)?.id).toBe("a");
  });

  it("keeps a token while others come, such as a catalog's own beside each user's", () => {
    const cache = createSignatureCache();
    const catalog = newToken();
    cache.put(catalog, parsed("catalog"));
    for (let other = 0; other < 500; other++) cache.put(newToken(), parsed("other"));
    expect(cache.get(catalog)?.id).toBe("catalog");
  });

  it("is bounded: the oldest half goes when there is no room", () => {
    const cache = createSignatureCache(8);
    const tokens = Array.from({ length: 100 }, newToken);
    for (const token of tokens) cache.put(token, parsed(token));
    const known = tokens.filter((token) => cache.get(token) !== undefined);
    expect(known.length).toBeLessThanOrEqual(8);
    expect(known).toEqual(tokens.slice(-known.length));
    expect(known.length).toBeGreaterThanOrEqual(4);
  });

  it("never mistakes one token for another", () => {
    const cache = createSignatureCache(8);
    const tokens = Array.from({ length: 2000 }, newToken);
    for (const token of [...tokens, ...tokens]) cache.put(token, parsed(token));
    for (const token of tokens) expect(cache.get(token)?.id ?? token).toBe(token);
    for (const token of tokens) expect(cache.get(`${token}x`)).toBeUndefined();
  });

  it("does not know a token with another payload before a signature that it knows", () => {
    const cache = createSignatureCache();
    const token = newToken();
    cache.put(token, parsed("good"));
    cache.put(newToken(), parsed("later"));
    expect(cache.get(token)?.id).toBe("good");
    expect(cache.get(token.replace("payload", "forgery"))).toBeUndefined();
  });

  it("accepts any string, however short", () => {
    const cache = createSignatureCache();
    cache.put("", parsed("nothing"));
    expect(cache.get("")?.id).toBe("nothing");
  });
});
