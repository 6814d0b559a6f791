/** Kafka's own retrievers of tokens (kafka-clients from Maven Central), unmodified, against the built server. */
import { execFile } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { generateSecret } from "../../src/config/clients/secret.js";
import { claimsOf } from "../support/core.js";
import { ServerProcess } from "../support/server-process.js";
import { signingKey } from "../tokens/signing-key.js";
import { kafkaEngine } from "./engines.js";

const CLUSTER = "https://kubernetes.default.svc";
const LIMIT_MS = 120_000;
const run = promisify(execFile);

const kafka = await kafkaEngine();
const cluster = signingKey("RS256", "cluster");
const secret = generateSecret(randomBytes);

const settings = {
  issuer: "https://tokens.example.com",
  trusted_issuers: [{ issuer: CLUSTER, jwks_file: "cluster.json", use: ["client_assertion"] }],
  clients: [{ id: "broker", secrets: [{ sha256: createHash("sha256").update(secret).digest("hex") }] }],
  workloads: [
    {
      name: "kafka",
      issuer: CLUSTER,
      subject: "system:serviceaccount:kafka:*",
      client_id: "kafka/{1}",
      grants: ["jwt_bearer"],
    },
  ],
};

async function retrieve(server: ServerProcess, retriever: string, more: readonly string[]): Promise<string> {
  if (!("command" in kafka)) throw new Error("no JVM");
  const url = `${server.url}/v1/oauth/tokens`;
  const allowed = ["urls", "files"].map(
    (kind) =>
      `-Dorg.apache.kafka.sasl.oauthbearer.allowed.${kind}=${kind === "urls" ? url : join(server.folder, "token")}`,
  );
  const args = [...allowed, ...kafka.args, retriever, `sasl.oauthbearer.token.endpoint.url=${url}`, ...more];
  return (await run(kafka.command, args, { timeout: LIMIT_MS })).stdout.trim();
}

describe.skipIf(!("command" in kafka))(`Kafka${"missing" in kafka ? kafka.missing : ""}`, () => {
  test(
    "JwtBearerJwtRetriever gets a token by a pod's token file, final newline and all",
    { timeout: LIMIT_MS },
    async () => {
      await using server = await ServerProcess.start({
        settings,
        files: { "cluster.json": JSON.stringify({ keys: [cluster.jwk] }) },
      });
      const now = Math.floor(Date.now() / 1000);
      const sub = "system:serviceaccount:kafka:connect";
      const token = cluster.sign({ iss: CLUSTER, sub, aud: [settings.issuer], iat: now, exp: now + 3607 });
      writeFileSync(join(server.folder, "token"), `${token}\n`);
      const answer = await retrieve(server, "assertion", [
        `sasl.oauthbearer.assertion.file=${join(server.folder, "token")}`,
        "sasl.oauthbearer.scope=catalog",
      ]);
      expect(claimsOf(answer)).toMatchObject({ sub: "kafka/connect", scope: "catalog" });
    },
  );

  test("ClientCredentialsJwtRetriever gets a token by id and secret", { timeout: LIMIT_MS }, async () => {
    await using server = await ServerProcess.start({
      settings,
      files: { "cluster.json": JSON.stringify({ keys: [cluster.jwk] }) },
    });
    const answer = await retrieve(server, "credentials", [
      "sasl.oauthbearer.client.credentials.client.id=broker",
      `sasl.oauthbearer.client.credentials.client.secret=${secret}`,
    ]);
    expect(claimsOf(answer)).toMatchObject({ sub: "broker" });
  });
});
