import { describe, expect, test } from "vitest";
import { OAuthError } from "../../src/oauth/error.js";
import type { Credentials } from "../../src/oauth/request.js";
import { NOW } from "../tokens/trusted-issuer-fixture.js";
import { authenticatorOver, basic, BURST, client, digestOf, refusalOf, request, scryptOf } from "./fixtures.js";

const SECRET = "icm_generated-secret_0123456789";
const spark = client("spark", { secrets: [digestOf(SECRET)] });
const ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

describe("a right secret", () => {
  const { authenticate } = authenticatorOver([
    spark,
    client("trino", { secrets: [digestOf("icm_trinos-own-secret_012345")] }),
    client("file-client", { secrets: [digestOf("a secret from a file: 100% & more", { identifies: false })] }),
  ]);

  test.each<[string, Credentials, string]>([
    ["in the form", { clientId: "spark", clientSecret: SECRET }, "client_secret_post"],
    ["in the form, without client_id (Java, PyIceberg)", { clientSecret: SECRET }, "client_secret_post"],
    ["by Basic", { authorization: basic(`spark:${SECRET}`) }, "client_secret_basic"],
    ["by Basic without a colon (Java, PyIceberg)", { authorization: basic(SECRET) }, "client_secret_basic"],
    [
      "by Basic with an agreeing client_id",
      { authorization: basic(`spark:${SECRET}`), clientId: "spark" },
      "client_secret_basic",
    ],
    [
      "by Basic without a colon, with an agreeing client_id",
      { authorization: basic(SECRET), clientId: "spark" },
      "client_secret_basic",
    ],
    [
      "in the form beside a stale Bearer (PyIceberg, Java)",
      { clientId: "spark", clientSecret: SECRET, authorization: "Bearer stale" },
      "client_secret_post",
    ],
    [
      "in the form beside a header of an unknown scheme",
      { clientId: "spark", clientSecret: SECRET, authorization: "Digest x" },
      "client_secret_post",
    ],
  ])("%s tells who the client is", async (_, credentials, method) => {
    expect(await authenticate(credentials)).toMatchObject({ client: { id: "spark" }, method });
  });

  test("is taken raw and form-encoded by Basic", async () => {
    const secret = "a secret from a file: 100% & more";
    const encoded = new URLSearchParams({ "": secret }).toString().slice(1);
    for (const text of [`file-client:${secret}`, `file-client:${encoded}`]) {
      expect(await authenticate({ authorization: basic(text) })).toMatchObject({ client: { id: "file-client" } });
    }
  });

  test("without an id finds generated secrets only", async () => {
    const attempt = authenticate({ clientSecret: "a secret from a file: 100% & more" });
    expect(await refusalOf(attempt)).toMatchObject({ code: "invalid_client", reason: "CREDENTIALS_INVALID" });
  });

  test("may be any of several, each until it expires", async () => {
    const rotating = client("rotating", {
      secrets: [digestOf("old-secret", { expiresAt: NOW * 1000 + 1000 }), digestOf("new-secret")],
    });
    const { authenticate: present, time } = authenticatorOver([rotating]);
    const old: Credentials[] = [{ clientId: "rotating", clientSecret: "old-secret" }, { clientSecret: "old-secret" }];
    for (const credentials of old) await expect(present(credentials)).resolves.toBeDefined();
    time.now += 1000;
    for (const credentials of old) {
      expect(await refusalOf(present(credentials))).toMatchObject({ reason: "CREDENTIALS_INVALID" });
    }
    await expect(present({ clientSecret: "new-secret" })).resolves.toBeDefined();
  });

  test("is never refused, however many failures there were", async () => {
    const { authenticate: present } = authenticatorOver([spark]);
    for (let i = 0; i < 10 * BURST; i++) await refusalOf(present({ clientId: "spark", clientSecret: `guess ${i}` }));
    await expect(present({ clientId: "spark", clientSecret: SECRET })).resolves.toBeDefined();
  });

  test("stops working with the settings that take it away", async () => {
    const { authenticate: present, registry } = authenticatorOver([spark]);
    await present({ clientSecret: SECRET });
    registry.current = { ...registry.current, byId: new Map(), bySecretDigest: new Map() };
    expect(await refusalOf(present({ clientSecret: SECRET }))).toMatchObject({ code: "invalid_client" });
  });
});

describe("a failure", () => {
  const clients = [
    spark,
    client("expired", { secrets: [digestOf("expired-secret", { expiresAt: NOW * 1000 })] }),
    client("disabled", { secrets: [digestOf("disabled-secret")], disabled: true }),
    client("slow-disabled", { secrets: [scryptOf("chosen disabled")], disabled: true }),
    client("no-secret"),
  ];
  const failures: [string, Credentials][] = [
    ["an unknown client", { clientId: "nobody", clientSecret: SECRET }],
    ["a wrong secret", { clientId: "spark", clientSecret: "wrong" }],
    ["another client's secret", { clientId: "expired", clientSecret: SECRET }],
    ["a secret that differs in case", { clientId: "spark", clientSecret: SECRET.toUpperCase() }],
    ["a client id that differs in case", { clientId: "SPARK", clientSecret: SECRET }],
    ["an expired secret", { clientId: "expired", clientSecret: "expired-secret" }],
    ["an expired secret alone", { clientSecret: "expired-secret" }],
    ["a disabled client", { clientId: "disabled", clientSecret: "disabled-secret" }],
    ["a disabled client's secret alone", { clientSecret: "disabled-secret" }],
    ["a disabled client with a chosen secret", { clientId: "slow-disabled", clientSecret: "chosen disabled" }],
    ["a client without secrets", { clientId: "no-secret", clientSecret: "x" }],
    ["a secret of NULs", { clientId: "spark", clientSecret: "\0\0" }],
    ["an id with a NUL", { clientId: "spark\0", clientSecret: SECRET }],
    ["an id that every object has", { clientId: "__proto__", clientSecret: SECRET }],
    ["the digest in place of the secret", { clientId: "spark", clientSecret: digestHex() }],
    ["a made-up assertion", { clientAssertion: "e30.e30.AA", clientAssertionType: ASSERTION_TYPE }],
    ["an assertion that is no JWT", { clientAssertion: "x", clientAssertionType: ASSERTION_TYPE }],
    ["a made-up JWT in the secret's place", { clientId: "spark", clientSecret: "eyJhbGciOiJub25lIn0.e30.AA" }],
  ];
  const basicFailures: [string, Credentials][] = [
    ["an unknown client", { authorization: basic(`nobody:${SECRET}`) }],
    ["a wrong secret", { authorization: basic("spark:wrong") }],
    ["an unknown secret alone", { authorization: basic("wrong") }],
    ["a wrong secret with an empty id", { authorization: basic(":wrong") }],
    ["an empty secret", { authorization: basic("spark:") }],
    ["base64 that is none", { authorization: "Basic !!!" }],
    ["broken UTF-8", { authorization: "Basic /////w==" }],
    ["nothing", { authorization: "Basic" }],
    ["a made-up JWT", { authorization: basic("eyJhbGciOiJub25lIn0.e30.AA") }],
    ["an unreadable header beside a client_id", { authorization: "Basic !!!", clientId: "spark" }],
  ];

  function digestHex(): string {
    const [secret] = spark.secrets;
    return secret?.kind === "digest" ? secret.sha256 : "";
  }

  test.each(failures)("by %s is the one answer", async (_, credentials) => {
    const { authenticate } = authenticatorOver(clients);
    expect(await refusalOf(authenticate(credentials))).toMatchObject({
      code: "invalid_client",
      reason: "CREDENTIALS_INVALID",
      scheme: undefined,
      message: "Client authentication failed: unknown client, or wrong, expired or disabled credentials.",
    });
  });

  test.each(basicFailures)("in Basic by %s is the one answer, and names the scheme", async (_, credentials) => {
    const { authenticate } = authenticatorOver(clients);
    expect(await refusalOf(authenticate(credentials))).toMatchObject({
      code: "invalid_client",
      reason: "CREDENTIALS_INVALID",
      scheme: "Basic",
      message: "Client authentication failed: unknown client, or wrong, expired or disabled credentials.",
    });
  });

  test.each([...failures, ...basicFailures])(
    "by %s repeats nothing that was sent, not even to the log",
    async (_, credentials) => {
      const { authenticate } = authenticatorOver(clients);
      const error = await refusalOf(authenticate(credentials));
      expect(error).toBeInstanceOf(OAuthError);
      const text = `${String(error)} ${error instanceof OAuthError ? JSON.stringify(error.explain()) : ""}`;
      for (const sent of [credentials.clientSecret, credentials.clientAssertion, credentials.authorization]) {
        if (sent !== undefined && sent.length > 5) expect(text).not.toContain(sent);
      }
      expect(text).not.toContain(SECRET);
    },
  );
});

describe("credentials", () => {
  const { authenticate, authenticator } = authenticatorOver([spark, client("trino")]);

  test.each<[string, Credentials]>([
    ["Basic and client_secret", { authorization: basic(`spark:${SECRET}`), clientSecret: SECRET }],
    [
      "Basic and client_secret, both right",
      { authorization: basic(`spark:${SECRET}`), clientId: "spark", clientSecret: SECRET },
    ],
    ["an unreadable Basic and client_secret", { authorization: "Basic !!!", clientId: "spark", clientSecret: SECRET }],
    [
      "Basic and an assertion",
      { authorization: basic(`spark:${SECRET}`), clientAssertion: "a.b.c", clientAssertionType: ASSERTION_TYPE },
    ],
    [
      "client_secret and an assertion",
      { clientSecret: SECRET, clientAssertion: "a.b.c", clientAssertionType: ASSERTION_TYPE },
    ],
    ["client_secret and an assertion's type", { clientSecret: SECRET, clientAssertionType: ASSERTION_TYPE }],
    [
      "Basic of one client and the client_id of another",
      { authorization: basic(`spark:${SECRET}`), clientId: "trino" },
    ],
    [
      "Basic of one client and the client_id of nobody",
      { authorization: basic(`spark:${SECRET}`), clientId: "nobody" },
    ],
    ["a secret alone and the client_id of another", { authorization: basic(SECRET), clientId: "trino" }],
  ])("of two kinds or for two clients are ambiguous: %s", async (_, credentials) => {
    expect(await refusalOf(authenticate(credentials))).toMatchObject({
      code: "invalid_request",
      reason: "CREDENTIALS_AMBIGUOUS",
    });
  });

  test("that are ambiguous tell nothing of a secret: a wrong one fails alike", async () => {
    const attempt = authenticate({ authorization: basic("wrong"), clientId: "trino" });
    expect(await refusalOf(attempt)).toMatchObject({ code: "invalid_client" });
  });

  test("by assertion need both of its parameters", async () => {
    for (const credentials of [{ clientAssertion: "a.b.c" }, { clientAssertionType: ASSERTION_TYPE }]) {
      expect(await refusalOf(authenticate(credentials))).toMatchObject({
        code: "invalid_request",
        reason: "PARAMETER_MISSING",
      });
    }
  });

  test("by an assertion of another type are not supported", async () => {
    const saml = "urn:ietf:params:oauth:client-assertion-type:saml2-bearer";
    expect(await refusalOf(authenticate({ clientAssertion: "a.b.c", clientAssertionType: saml }))).toMatchObject({
      code: "invalid_client",
      reason: "ASSERTION_INVALID",
    });
  });

  test.each<[string, Credentials]>([
    ["nothing", {}],
    ["a client_id alone", { clientId: "spark" }],
    ["a Bearer", { authorization: "Bearer abc" }],
    ["a Bearer and a client_id", { authorization: "Bearer abc", clientId: "spark" }],
    ["an unknown scheme", { authorization: "Negotiate abc" }],
  ])("are missing from %s", async (_, credentials) => {
    expect(await refusalOf(authenticate(credentials))).toMatchObject({
      code: "invalid_client",
      reason: "CREDENTIALS_MISSING",
    });
  });

  test.each<[boolean, Credentials]>([
    [true, { authorization: "Basic" }],
    [true, { authorization: "basic !!!" }],
    [true, { clientSecret: "x" }],
    [true, { clientSecret: "x", authorization: "Bearer stale" }],
    [true, { clientAssertion: "x" }],
    [true, { clientAssertionType: "x" }],
    [true, { clientId: "spark" }],
    [false, { clientId: "spark", authorization: "Bearer abc" }],
    [false, { authorization: "Bearer abc" }],
    [false, { authorization: "Negotiate abc" }],
    [false, {}],
  ])("are presented (%s) by %j", (presented, credentials) => {
    expect(authenticator.presents(request(credentials))).toBe(presented);
  });
});

describe("guessing", () => {
  const wrong = (id: string | undefined): Credentials => ({ clientId: id, clientSecret: "wrong" });

  test("is answered slow_down once there were too many failures, with one text for all", async () => {
    const slow = {
      code: "slow_down",
      reason: "TOO_MANY_FAILURES",
      retryAfterSeconds: 1,
      message: "Too many failed authentications for this client and address. Wait, then send the right credentials.",
    };
    for (const id of ["spark", "nobody", undefined]) {
      const { authenticate } = authenticatorOver([spark]);
      const codes: unknown[] = [];
      for (let i = 0; i < BURST; i++) codes.push(await refusalOf(authenticate(wrong(id))));
      expect(codes.every((error) => error instanceof OAuthError && error.code === "invalid_client")).toBe(true);
      expect(await refusalOf(authenticate(wrong(id)))).toMatchObject(slow);
    }
  });

  test("is slowed for the whole address, and for each address apart", async () => {
    const { authenticate } = authenticatorOver([spark, client("trino", { secrets: [digestOf("t")] })]);
    for (let i = 0; i < BURST; i++) await refusalOf(authenticate(wrong("spark")));
    for (const id of ["spark", "trino", "nobody", undefined]) {
      expect(await refusalOf(authenticate(wrong(id)))).toMatchObject({ code: "slow_down" });
    }
    await expect(authenticate({ clientId: "trino", clientSecret: "t" })).resolves.toBeDefined();
    expect(await refusalOf(authenticate(wrong("spark"), "192.0.2.2"))).toMatchObject({ code: "invalid_client" });
  });

  test("with ever new ids is slowed by address", async () => {
    const { authenticate } = authenticatorOver([spark]);
    for (let i = 0; i < BURST; i++) await refusalOf(authenticate(wrong(`made-up-${i}`)));
    expect(await refusalOf(authenticate(wrong("made-up")))).toMatchObject({ code: "slow_down" });
  });

  test("with ever new assertions and secrets alone is slowed by address", async () => {
    const { authenticate } = authenticatorOver([spark]);
    for (let i = 0; i < BURST; i++) {
      await refusalOf(authenticate({ clientAssertion: `x${i}`, clientAssertionType: ASSERTION_TYPE }));
    }
    expect(await refusalOf(authenticate({ clientSecret: "alone" }))).toMatchObject({ code: "slow_down" });
  });

  test("is forgiven with time", async () => {
    const { authenticate, time } = authenticatorOver([spark]);
    for (let i = 0; i <= BURST; i++) await refusalOf(authenticate(wrong("spark")));
    time.now += 2000;
    expect(await refusalOf(authenticate(wrong("spark")))).toMatchObject({ code: "invalid_client" });
    expect(await refusalOf(authenticate(wrong("spark")))).toMatchObject({ code: "slow_down" });
  });

  test("is not what missing or ambiguous credentials and right secrets count as", async () => {
    const { authenticate, limiter } = authenticatorOver([spark]);
    for (let i = 0; i < 2 * BURST; i++) {
      await refusalOf(authenticate({}));
      await refusalOf(authenticate({ clientId: "spark" }));
      await refusalOf(authenticate({ authorization: basic("spark:x"), clientSecret: "x" }));
      await authenticate({ clientId: "spark", clientSecret: SECRET });
    }
    expect(limiter.charge("spark", "192.0.2.1")).toBe(true);
    for (let i = 1; i < BURST; i++) expect(limiter.charge("spark", "192.0.2.1")).toBe(true);
    expect(limiter.charge("spark", "192.0.2.1")).toBe(false);
  });
});

describe("white space round a secret", () => {
  const secret = "secret-of-spark-0123456789";

  test.each<[string, Credentials]>([
    ["in the form", { clientId: "spark", clientSecret: ` ${secret}\n` }],
    ["by Basic", { authorization: basic(`spark:${secret} \r\n`) }],
    ["alone", { clientSecret: `\t${secret}` }],
  ])(
    "is not part of it %s (Java trims a credential when it starts, and not when it refreshes)",
    async (_, credentials) => {
      const { authenticate } = authenticatorOver([client("spark", { secrets: [digestOf(secret)] })]);
      expect(await authenticate(credentials)).toMatchObject({ client: { id: "spark" } });
    },
  );

  test("is part of one that was chosen so", async () => {
    const chosen = ` ${secret} `;
    const { authenticate } = authenticatorOver([client("spark", { secrets: [digestOf(chosen)] })]);
    expect(await authenticate({ clientId: "spark", clientSecret: chosen })).toMatchObject({ client: { id: "spark" } });
    expect(await refusalOf(authenticate({ clientId: "spark", clientSecret: secret }))).toMatchObject({
      code: "invalid_client",
    });
  });
});
