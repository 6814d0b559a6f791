/** The log tells the true cause of a refused authentication. Callers hear one text for all of them. */
import { describe, expect, test } from "vitest";
import { OAuthError, type Explanation } from "../../src/oauth/error.js";
import type { Credentials } from "../../src/oauth/request.js";
import { signingKey } from "../tokens/signing-key.js";
import { NOW, OWN_ISSUER, trustedIssuer } from "../tokens/trusted-issuer-fixture.js";
import { authenticatorOver, basic, client, digestOf, refusalOf, scryptOf } from "./fixtures.js";

const GENERATED = "icm_0123456789abcdefghijklmnopqrstuv";
const CHOSEN = "a secret that a person chose, of 44 characters";
const IDP = "https://idp.example.com";
const key = signingKey();
const stranger = signingKey();
const jwkText = Object.fromEntries(Object.entries(key.jwk).map(([name, value]) => [name, String(value)]));
const past = (NOW - 60) * 1000;
const expired = new Date(past).toISOString();

const CLIENTS = [
  client("spark-etl", { secrets: [digestOf(GENERATED), digestOf("old-0123456789-0123456789", { expiresAt: past })] }),
  client("reports-api", { secrets: [digestOf(CHOSEN, { identifies: false })] }),
  client("analyst", { secrets: [scryptOf("chosen-now"), scryptOf("chosen-once", 4, past)] }),
  client("off", { secrets: [digestOf("right-but-off-0123456789"), scryptOf("chosen-off")], disabled: true }),
  client("signs", { keys: { kind: "inline", jwks: { keys: [jwkText] } } }),
  client("pod", { federated: [{ issuer: IDP, subject: "pod" }] }),
  client("gone-pod", { federated: [{ issuer: IDP, subject: "gone" }], disabled: true }),
];

const post = (clientId: string | undefined, clientSecret: string): Credentials => ({ clientId, clientSecret });
const assertion = (jwt: string, clientId?: string): Credentials => ({
  clientAssertion: jwt,
  clientAssertionType: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
  clientId,
});
const own = (iss: string) => ({ iss, sub: iss, aud: OWN_ISSUER, iat: NOW, exp: NOW + 60, jti: "j" });
const pod = (sub: string) => ({ iss: IDP, sub, aud: OWN_ISSUER, iat: NOW, exp: NOW + 60 });

const name = (secret: string): string => digestOf(secret).name;

const CAUSES: readonly (readonly [string, Credentials, Explanation])[] = [
  ["an unknown id", post("spark-elt", GENERATED.replace("0", "1")), { failure: "client_unknown", client: "spark-elt" }],
  ["a wrong secret", post("spark-etl", "wrong"), { failure: "secret_wrong", client: "spark-etl" }],
  [
    "an expired secret",
    post("spark-etl", "old-0123456789-0123456789"),
    {
      failure: "secret_expired",
      client: "spark-etl",
      secretName: name("old-0123456789-0123456789"),
      detail: expect.stringContaining(expired),
    },
  ],
  [
    "an expired chosen secret",
    post("analyst", "chosen-once"),
    {
      failure: "secret_expired",
      client: "analyst",
      secretName: "chosen",
      detail: expect.stringContaining(expired),
    },
  ],
  ["a wrong chosen secret", post("analyst", "chosen-never"), { failure: "secret_wrong", client: "analyst" }],
  [
    "a right secret of a disabled client",
    post("off", "right-but-off-0123456789"),
    { failure: "client_disabled", client: "off", secretName: name("right-but-off-0123456789") },
  ],
  [
    "a right chosen secret of a disabled client",
    post("off", "chosen-off"),
    { failure: "client_disabled", client: "off", secretName: "chosen" },
  ],
  [
    "another client's secret",
    post("spark-etl", CHOSEN),
    {
      failure: "secret_of_another_client",
      client: "spark-etl",
      secretName: name(CHOSEN),
      detail: expect.stringContaining("belongs to client reports-api"),
    },
  ],
  [
    "a client's secret under an id that nobody has",
    post("spark-prod", GENERATED),
    {
      failure: "secret_of_another_client",
      client: "spark-prod",
      detail: expect.stringMatching(/belongs to client spark-etl; no client has the id/),
    },
  ],
  [
    "an id and a secret that are swapped",
    { authorization: basic(`${GENERATED}:spark-etl`) },
    { failure: "id_and_secret_swapped", client: "spark-etl", secretName: name(GENERATED) },
  ],
  [
    "an id and a chosen secret that are swapped",
    post("chosen-now", "analyst"),
    { failure: "id_and_secret_swapped", client: "analyst", secretName: undefined },
  ],
  ["a secret alone that is nobody's", post(undefined, "icm_nobody"), { failure: "secret_unknown" }],
  ["a header that is no base64", { authorization: "Basic %%%" }, { failure: "header_malformed" }],
  [
    "an assertion of an unknown client",
    assertion(key.sign(own("nobody"))),
    { failure: "client_unknown", client: "nobody" },
  ],
  [
    "an assertion that another key signed",
    assertion(stranger.sign(own("signs"))),
    { failure: "signature_wrong", client: "signs" },
  ],
  [
    "an assertion of a client without keys",
    assertion(key.sign(own("spark-etl"))),
    { failure: "key_unknown", client: "spark-etl" },
  ],
  [
    "an assertion that has expired",
    assertion(key.sign({ ...own("signs"), exp: NOW - 3600 })),
    {
      failure: "token_expired",
      client: "signs",
      detail: expect.stringContaining(new Date((NOW - 3600) * 1000).toISOString()),
    },
  ],
  [
    "a workload's token that stands for nobody",
    assertion(key.sign(pod("stray"))),
    { failure: "identity_unknown", detail: expect.stringContaining(`subject stray of ${IDP}`) },
  ],
  [
    "a workload's token of a disabled client",
    assertion(key.sign(pod("gone"))),
    { failure: "client_disabled", client: "gone-pod" },
  ],
];

function over() {
  return authenticatorOver(CLIENTS, {
    issuers: [trustedIssuer({ issuer: IDP, keys: { kind: "uri", uri: `${IDP}/jwks` } })],
    jwks: { [`${IDP}/jwks`]: [key.jwk] },
  });
}

async function refusal(credentials: Credentials): Promise<OAuthError> {
  const error = await refusalOf(over().authenticate(credentials));
  if (!(error instanceof OAuthError)) throw error;
  return error;
}

describe("the log explains a refusal:", () => {
  test.each(CAUSES)("%s", async (_, credentials, explanation) => {
    const error = await refusal(credentials);
    expect(error.explain()).toMatchObject(explanation);
    expect(error).toMatchObject({
      code: "invalid_client",
      reason: "CREDENTIALS_INVALID",
      message: "Client authentication failed: unknown client, or wrong, expired or disabled credentials.",
    });
  });

  test("a right secret beside another client's id", async () => {
    const error = await refusal({ authorization: basic(`:${GENERATED}`), clientId: "reports-api" });
    expect(error).toMatchObject({ reason: "CREDENTIALS_AMBIGUOUS" });
    expect(error.explain()).toMatchObject({
      client: "reports-api",
      secretName: name(GENERATED),
      detail: "the credentials are right, and of client spark-etl",
    });
  });

  test("a failure beyond the limit keeps its cause", async () => {
    const { authenticate } = over();
    const last = await Array.from({ length: 6 }).reduce<Promise<unknown>>(
      async (before) => before.then(() => refusalOf(authenticate(post("spark-etl", CHOSEN)))),
      Promise.resolve(),
    );
    expect(last).toMatchObject({ code: "slow_down" });
    expect(last instanceof OAuthError && last.explain()).toMatchObject({ client: "spark-etl" });
  });

  test("with the settings that refused it, whatever they are when the log is written", async () => {
    const world = over();
    const error = await refusalOf(world.authenticate(post("spark-elt", "wrong")));
    const clients = authenticatorOver([client("spark-elt", { secrets: [digestOf("wrong")] })]);
    world.registry.current = clients.registry.current;
    expect(error instanceof OAuthError && error.explain()).toMatchObject({ failure: "client_unknown" });
  });
});

describe("the log never shows what may be a secret in the id's place:", () => {
  test.each([
    ["a generated secret", GENERATED.replace("0", "9")],
    ["a secret of a client that is not known as generated", CHOSEN],
    ["random characters", "Zm9vYmFyYmF6cXV4MTIzNDU2Nzg5"],
    ["a UUID", "550e8400-e29b-41d4-a716-446655440000"],
    ["what no id may hold", "p@ss word!"],
  ])("%s", async (_, id) => {
    const explanation = (await refusal(post(id, "wrong"))).explain();
    expect(JSON.stringify(explanation)).not.toContain(id);
    expect(explanation).toMatchObject({ failure: "client_unknown", client: undefined });
    expect(explanation.detail).toMatch(/the id is not shown/);
  });

  test.each(["spark-etl-production-eu-west-1", "team/spark", "etl2", "reports@acme.example"])(
    "and shows %s, which is made of words",
    async (id) => {
      expect((await refusal(post(id, "wrong"))).explain()).toMatchObject({ client: id });
    },
  );
});

test.each([
  ["generated", post("spark-etl", GENERATED), name(GENERATED)],
  ["chosen", post("analyst", "chosen-now"), "chosen"],
  ["generated, without an id", post(undefined, GENERATED), name(GENERATED)],
])("which secret was used is known: %s", async (_, credentials, secretName) => {
  await expect(over().authenticate(credentials)).resolves.toMatchObject({ secretName });
});
