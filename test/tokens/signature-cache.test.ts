import { randomBytes } from "node:crypto";
import { describe, expect, it } from "vitest";
import type { AccessToken } from "../../src/oauth/access-token.js";
import { createSignatureVerdicts } from "../../src/tokens/signature-cache.js";

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
  claims: {},
  copied: [],
});
const newToken = () => `header.payload.${randomBytes(64).toString("base64url")}`;

describe("the memory of good signatures", () => {
  it("knows the last token, so that Bearer and subject of one refresh are verified once", () => {
    const verdicts = createSignatureVerdicts();
    const token = newToken();
    expect(verdicts.get(token)).toBeUndefined();
    verdicts.put(token, parsed("a"));
    expect(verdicts.get(token)?.id).toBe("a");
    verdicts.put(newToken(), parsed("b"));
    expect(verdicts.get(token)).toBeUndefined();
  });

  it("keeps a token that comes again, such as a catalog's own beside each user's", () => {
    const verdicts = createSignatureVerdicts();
    const catalog = newToken();
    verdicts.put(catalog, parsed("catalog"));
    verdicts.put(newToken(), parsed("other"));
    verdicts.put(catalog, parsed("catalog"));
    for (let other = 0; other < 500; other++) verdicts.put(newToken(), parsed("other"));
    expect(verdicts.get(catalog)?.id).toBe("catalog");
  });

  it("is bounded: the oldest half goes when there is no room", () => {
    const verdicts = createSignatureVerdicts(8);
    const tokens = Array.from({ length: 100 }, newToken);
    for (const token of tokens) {
      verdicts.put(token, parsed(token));
      verdicts.put(token, parsed(token));
    }
    const known = tokens.filter((token) => verdicts.get(token) !== undefined);
    expect(known.length).toBeLessThanOrEqual(9);
    expect(known).toContain(tokens.at(-2));
  });

  it("never takes one token for another", () => {
    const verdicts = createSignatureVerdicts(8);
    const tokens = Array.from({ length: 2000 }, newToken);
    for (const token of [...tokens, ...tokens]) verdicts.put(token, parsed(token));
    for (const token of tokens) expect(verdicts.get(token)?.id ?? token).toBe(token);
    for (const token of tokens) expect(verdicts.get(`${token}x`)).toBeUndefined();
  });

  it("does not know a token with another payload before a signature that it knows", () => {
    const verdicts = createSignatureVerdicts();
    const token = newToken();
    for (let time = 0; time < 2; time++) verdicts.put(token, parsed("good"));
    verdicts.put(newToken(), parsed("later"));
    expect(verdicts.get(token)?.id).toBe("good");
    expect(verdicts.get(token.replace("payload", "forgery"))).toBeUndefined();
  });

  it("takes any text, however short", () => {
    const verdicts = createSignatureVerdicts();
    verdicts.put("", parsed("nothing"));
    expect(verdicts.get("")?.id).toBe("nothing");
  });
});
