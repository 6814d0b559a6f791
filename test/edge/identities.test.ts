import { generateKeyPairSync, verify, type KeyObject } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { answering } from "../client/scripted-endpoint.js";
import { eventually } from "../support/eventually.js";
import { counting, startRig } from "./edge-rig.js";

const ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

describe("the edge's identity", () => {
  test.each([
    [
      "a service account's token or a JWT-SVID, which names the client by itself",
      { jwt_file: "FOLDER/identity" },
      { client_assertion_type: [ASSERTION], client_assertion: ["first"] },
    ],
    [
      "such a token with a client id",
      { client_id: "spark", jwt_file: "FOLDER/identity" },
      { client_id: ["spark"], client_assertion_type: [ASSERTION], client_assertion: ["first"] },
    ],
    [
      "a secret",
      { client_id: "spark", secret_file: "FOLDER/identity" },
      { client_id: ["spark"], client_secret: ["first"] },
    ],
  ])("is %s", async (_what, credential, form) => {
    await using rig = await startRig({ credential, files: { identity: "first\n" } });
    await eventually("it was sent", () => rig.upstream.asked.length > 0);
    expect(rig.upstream.asked[0]?.form).toEqual({ grant_type: ["client_credentials"], scope: ["catalog"], ...form });
  });

  test("is read from its file for every attempt, failed ones too", async () => {
    await using rig = await startRig({
      credential: { jwt_file: "FOLDER/identity" },
      files: { identity: "expired" },
      prepare: (upstream) => void (upstream.answer = answering(401, { error: "invalid_client" })),
    });
    await eventually("it was refused", () => rig.upstream.asked.length > 0);
    writeFileSync(join(rig.folder, "identity"), "fresh");
    rig.upstream.answer = counting();
    await eventually("the fresh one is sent", async () => {
      await rig.time.pass(1000);
      return rig.upstream.asked.at(-1)?.form["client_assertion"]?.[0] === "fresh";
    });
    await eventually("there is a token", async () => (await rig.readyz()).status === 200);
  });

  test("that cannot be read is a failed attempt, and nothing ends", async () => {
    await using rig = await startRig({ credential: { jwt_file: "FOLDER/missing" } });
    await eventually("it failed", () => rig.log.join("").includes("ENOENT"));
    writeFileSync(join(rig.folder, "missing"), "there");
    await eventually("there is a token", async () => {
      await rig.time.pass(1000);
      return (await rig.readyz()).status === 200;
    });
  });
});

const keys: readonly [string, KeyObject, KeyObject][] = [
  ["ES256", ...pair(generateKeyPairSync("ec", { namedCurve: "P-256" }))],
  ["ES384", ...pair(generateKeyPairSync("ec", { namedCurve: "P-384" }))],
  ["EdDSA", ...pair(generateKeyPairSync("ed25519"))],
  ["RS256", ...pair(generateKeyPairSync("rsa", { modulusLength: 2048 }))],
];

function pair({ privateKey, publicKey }: { privateKey: KeyObject; publicKey: KeyObject }): [KeyObject, KeyObject] {
  return [privateKey, publicKey];
}

function parts(jwt: string): { header: Record<string, unknown>; claims: Record<string, unknown>; signature: Buffer } {
  const [header = "", claims = "", signature = ""] = jwt.split(".");
  const json = (part: string) => JSON.parse(Buffer.from(part, "base64url").toString()) as Record<string, unknown>;
  return { header: json(header), claims: json(claims), signature: Buffer.from(signature, "base64url") };
}

describe("an assertion that the edge signs", () => {
  test.each(keys)(
    "with %s is for one request, and names the client and the token endpoint",
    async (alg, privateKey, publicKey) => {
      await using rig = await startRig({
        credential: { client_id: "spark", private_key_file: "FOLDER/key.pem" },
        files: { "key.pem": privateKey.export({ type: "pkcs8", format: "pem" }).toString() },
      });
      await eventually("it was sent", () => rig.upstream.asked.length > 0);
      await rig.ask({ grant_type: "client_credentials", scope: "other" });
      const sent = rig.upstream.asked.map(({ form }) => form["client_assertion"]?.[0] ?? "");
      const [first = "", second = ""] = sent;
      const { header, claims, signature } = parts(first);
      const now = rig.time.clock() / 1000;
      expect(header).toEqual({ alg, typ: "JWT" });
      expect(claims).toEqual({
        iss: "spark",
        sub: "spark",
        aud: `${rig.upstream.url}/v1/oauth/tokens`,
        jti: expect.any(String) as unknown,
        iat: now,
        exp: now + 120,
      });
      expect(parts(second).claims["jti"]).not.toBe(claims["jti"]);
      const hash = { ES256: "sha256", ES384: "sha384", RS256: "sha256" }[alg] ?? null;
      const input = Buffer.from(first.split(".").slice(0, 2).join("."));
      expect(verify(hash, input, { key: publicKey, dsaEncoding: "ieee-p1363" }, signature)).toBe(true);
    },
  );

  test("names the key where the file is a JWK with a kid, and the audience of the settings", async () => {
    const [, privateKey] = keys[0] ?? [];
    const jwk = { ...privateKey?.export({ format: "jwk" }), kid: "k1" };
    await using rig = await startRig({
      credential: { client_id: "spark", private_key_file: "FOLDER/key.json", audience: "https://issuer.example.com" },
      files: { "key.json": JSON.stringify(jwk) },
    });
    await eventually("it was sent", () => rig.upstream.asked.length > 0);
    const { header, claims } = parts(rig.upstream.asked[0]?.form["client_assertion"]?.[0] ?? "");
    expect(header["kid"]).toBe("k1");
    expect(claims["aud"]).toBe("https://issuer.example.com");
  });

  test("is not made of a file without a key, which no log quotes", async () => {
    await using rig = await startRig({
      credential: { client_id: "spark", private_key_file: "FOLDER/key.pem" },
      files: { "key.pem": '{ "kty": "EC", "d": "do-not-show-this" }' },
    });
    await eventually("it failed", () => rig.log.join("").includes("no private key"));
    expect(rig.log.join("") + (await rig.readyz()).body).not.toContain("do-not-show");
    expect(rig.upstream.asked).toEqual([]);
  });
});
