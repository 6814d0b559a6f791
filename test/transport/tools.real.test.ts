/** The tools that people hold against a gRPC server find their way without files. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { tool } from "../support/tool.js";
import { startServer, type TestServer } from "./support/fake-core.js";

const run = promisify(execFile);
const grpcurl = tool("grpcurl");
const probe = tool("grpc-health-probe");

let running: TestServer;
beforeAll(async () => {
  running = await startServer();
});
afterAll(() => running.server.close());
const address = () => `127.0.0.1:${running.port}`;

describe.skipIf(grpcurl.missing)(`grpcurl${grpcurl.reason}`, () => {
  const call = async (...args: string[]) => (await run(grpcurl.path, ["-plaintext", ...args])).stdout;

  test("lists the services and describes one", async () => {
    expect((await call(address(), "list")).split("\n")).toContain("icemint.v1.TokenService");
    expect(await call(address(), "describe", "icemint.v1.GetTokenRequest")).toContain("client_credentials");
  });

  test("gets a token from what it learned", async () => {
    const request = '{"clientCredentials": {}, "clientId": "spark", "clientSecret": "s3cr3t-of-the-fake-client"}';
    expect(await call("-d", request, address(), "icemint.v1.TokenService/GetToken")).toContain('"tokenType": "bearer"');
  });

  test("shows the details of a refusal", async () => {
    const refusal = call("-d", '{"clientCredentials": {}}', address(), "icemint.v1.TokenService/GetToken");
    await expect(refusal).rejects.toThrow(/Unauthenticated[^]*CREDENTIALS_INVALID/);
  });
});

describe.skipIf(probe.missing)(`grpc-health-probe${probe.reason}`, () => {
  test("finds the server and its service healthy", async () => {
    for (const service of ["", "icemint.v1.TokenService"]) {
      expect((await run(probe.path, ["-addr", address(), "-service", service])).stderr).toContain("SERVING");
    }
  });

  test("finds a replica that is not ready unhealthy", async () => {
    running.state.ready = false;
    await expect(run(probe.path, ["-addr", address()])).rejects.toThrow("NOT_SERVING");
    running.state.ready = true;
  });
});
