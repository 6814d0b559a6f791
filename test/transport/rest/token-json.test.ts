import { describe, expect, it } from "vitest";
import type { TokenResponse } from "../../../src/oauth/response.js";
import { tokenAnswer } from "../../../src/transport/rest/mapping.js";

const RESPONSE: TokenResponse = {
  access_token: "eyJ.eyJ.c2ln",
  token_type: "bearer",
  expires_in: 3600,
  issued_token_type: "urn:ietf:params:oauth:token-type:access_token",
};

describe("the answer with a token", () => {
  it.each<[string, TokenResponse]>([
    ["the least", RESPONSE],
    ["a scope", { ...RESPONSE, scope: "catalog PRINCIPAL_ROLE:ALL !#$%&'()*+,-./:;<=>?@[]^_`{|}~" }],
    ["a refresh token", { ...RESPONSE, refresh_token: "icr_AbCdEfGhIjKlMnOpQrStUv.12.AbCd-_" }],
    ["both", { ...RESPONSE, refresh_token: "icr_x.1.y", scope: "catalog" }],
  ])("is JSON that says the same, with %s", (_, response) => {
    expect(JSON.parse(tokenAnswer(response, "r1").body)).toEqual(response);
  });
});
