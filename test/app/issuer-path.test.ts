/** An issuer with a path, with a slash at its end or without: what metadata names is what assertions may be for. */
import { expect, test } from "vitest";
import { JWT_BEARER, now, ordersKey, postForm, startWorld } from "../attack/world.js";

test.each(["https://gw.example.com/tokens", "https://gw.example.com/tokens/", "https://gw.example.com/"])(
  "a client's assertion may be for the token endpoint that the metadata of %s names",
  async (issuer) => {
    await using app = await startWorld({ issuer });
    const document = await fetch(`${app.url}/.well-known/oauth-authorization-server`);
    const { token_endpoint: aud } = (await document.json()) as { token_endpoint: string };
    const claims = { iss: "orders", sub: "orders", aud, iat: now, exp: now + 60, jti: "1" };
    const assertion = ordersKey.sign({ alg: "ES256", kid: ordersKey.kid }, claims);
    const form = { grant_type: "client_credentials", client_assertion: assertion, client_assertion_type: JWT_BEARER };
    const answer = await postForm(app, form, {}, new URL(aud).pathname);
    expect(answer.json).toMatchObject({ token_type: "bearer" });
  },
);
