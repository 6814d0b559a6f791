/** The built command, as it is installed: by itself, and against the built server. */
import { execFile } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { generateSecret } from "../../src/config/clients/secret.js";
import type { Report } from "../../src/doctor/report.js";
import { ServerProcess, cleanEnvironment } from "../support/server-process.js";
import { STUB_CREDENTIAL, startStub } from "./stub-endpoint.js";

const ROOT = resolve(import.meta.dirname, "../..");

function run(main: string, args: readonly string[], credential: string) {
  const { promise, resolve: done } = Promise.withResolvers<{ code: number; stdout: string; stderr: string }>();
  const env = cleanEnvironment({ ICEMINT_DOCTOR_CREDENTIAL: credential });
  const child = execFile(process.execPath, [main, "doctor", ...args], { env }, (_, stdout, stderr) => {
    done({ code: child.exitCode ?? -1, stdout, stderr });
  });
  return promise;
}

test("the command runs with nothing of icemint but itself and the data", async () => {
  const folder = mkdtempSync(join(tmpdir(), "icemint-doctor-"));
  for (const part of ["dist/main.js", "dist/bundle", "conformance", "package.json"]) {
    cpSync(join(ROOT, part), join(folder, part), { recursive: true });
  }
  await using stub = await startStub();
  const credential = `${STUB_CREDENTIAL.id}:${STUB_CREDENTIAL.secret}`;
  const { code, stdout, stderr } = await run(join(folder, "dist/main.js"), [stub.url.href], credential);
  rmSync(folder, { recursive: true });
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(stdout).toContain("Good: no finding");
});

test("our own server has no findings, also past a token's end", async () => {
  const secret = generateSecret(randomBytes);
  const sha256 = createHash("sha256").update(secret).digest("hex");
  const grants = ["client_credentials", "token_exchange", "refresh_token"];
  const settings = (accessTtl: string) => ({
    clients: [{ id: "etl", secrets: [{ sha256 }], grants, access_ttl: accessTtl }],
  });
  await using server = await ServerProcess.start({ settings: settings("1h") });
  const url = `${server.url}/v1/oauth/tokens`;
  const { code, stdout, stderr } = await run(join(ROOT, "dist/main.js"), [url, "--json"], `etl:${secret}`);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  // Among what is no note here: JSON in the place of a form, and a secret without an id.
  const notes = [{ id: "UNSECURED_SUBJECT_REFUSED" }];
  expect(JSON.parse(stdout)).toMatchObject({ findings: [], notes, server: "icemint" });
  expect(stdout).not.toContain(secret);

  // Two seconds are too short for some clients, and that is all that is found.
  await using brief = await ServerProcess.start({ settings: settings("2s") });
  const again = await run(join(ROOT, "dist/main.js"), [`${brief.url}/v1/oauth/tokens`, "--json"], `etl:${secret}`);
  const report = JSON.parse(again.stdout) as Report;
  expect(report.findings.map(({ id }) => id)).toEqual(["TOKEN_LIFE_SHORT"]);
  expect(report.untried).toEqual([]);
});
