/** grpcurl and grpc-health-probe without any file of ours: they live on reflection and on grpc.health.v1. */
import { createHash, randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { generateSecret } from "../../src/config/clients/secret.js";
import { ServerProcess } from "../support/server-process.js";
import { PATH_WITH_TOOLS, tool } from "../support/tool.js";
import { type Typed, type } from "./typed-command.js";

const PATH = PATH_WITH_TOOLS;
const grpcurlTool = tool("grpcurl");
const probeTool = tool("grpc-health-probe");

const secret = generateSecret(randomBytes);
let server: ServerProcess;
let address: string;

beforeAll(async () => {
  const sha256 = createHash("sha256").update(secret).digest("hex");
  server = await ServerProcess.start({ settings: { clients: [{ id: "orders", secrets: [{ sha256 }] }] } });
  address = new URL(server.url).host;
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

describe.skipIf(grpcurlTool.missing)(`grpcurl 1.9.4${grpcurlTool.reason}`, () => {
  const grpcurl = (rest: string, more: Readonly<Record<string, string>> = {}): Promise<Typed> =>
    type(`grpcurl -plaintext ${rest}`, { PATH, ADDRESS: address, SECRET: secret, ...more });

  test("lists and describes the services", async () => {
    const { code, stdout } = await grpcurl("$ADDRESS list");
    expect(code).toBe(0);
    expect(stdout.trimEnd().split("\n")).toEqual(
      expect.arrayContaining(["grpc.health.v1.Health", "icemint.v1.TokenService"]),
    );
    const described = await grpcurl("$ADDRESS describe icemint.v1.GetTokenRequest");
    expect(described.stdout).toContain("TokenExchangeGrant token_exchange");
  });

  test("gets a token as the README says", async () => {
    const message = `'{"clientCredentials":{},"clientId":"orders","clientSecret":"'"$SECRET"'"}'`;
    const { code, stdout, stderr } = await grpcurl(`-d ${message} $ADDRESS icemint.v1.TokenService/GetToken`);
    expect(code, stderr).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ tokenType: "bearer", expiresIn: 3600 });
  });

  test("shows code, words and reason of a refusal", async () => {
    const message = `'{"clientCredentials":{},"clientId":"orders","clientSecret":"wrong"}'`;
    const { code, stderr } = await grpcurl(`-d ${message} $ADDRESS icemint.v1.TokenService/GetToken`);
    expect(code).not.toBe(0);
    expect(stderr).toMatch(/Code: Unauthenticated[\s\S]*"domain": "icemint"/);
  });

  test("asks for health", async () => {
    const { stdout } = await grpcurl("$ADDRESS grpc.health.v1.Health/Check");
    expect(JSON.parse(stdout)).toEqual({ status: "SERVING" });
  });
});

describe.skipIf(probeTool.missing)(`grpc-health-probe 0.4.61${probeTool.reason}`, () => {
  const probe = (service: string): Promise<Typed> =>
    type(`grpc-health-probe -addr=$ADDRESS -service=${service}`, { PATH, ADDRESS: address });

  test.each(["", "icemint.v1.TokenService"])("finds the service '%s' serving", async (service) => {
    expect(await probe(service)).toMatchObject({ code: 0, stderr: expect.stringContaining("SERVING") });
  });

  test("ends with an error for a service that does not exist", async () => {
    expect((await probe("no.such.Service")).code).not.toBe(0);
  });
});
