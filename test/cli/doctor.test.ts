import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { describe, expect, test } from "vitest";
import { doctor } from "../../src/cli/doctor.js";
import { promptSecret } from "../../src/cli/secret-prompt.js";
import type { Report } from "../../src/doctor/report.js";
import { STUB_CREDENTIAL, startStub } from "../doctor/stub-endpoint.js";

const CREDENTIAL = `${STUB_CREDENTIAL.id}:${STUB_CREDENTIAL.secret}`;

interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly questions: readonly string[];
}

async function run(
  args: readonly string[],
  env: Readonly<Record<string, string>> = { ICEMINT_DOCTOR_CREDENTIAL: CREDENTIAL },
  typed?: string,
): Promise<Ran> {
  const [out, err, questions]: [string[], string[], string[]] = [[], [], []];
  const code = await doctor({
    args,
    env,
    stdout: { write: (text) => out.push(text) },
    stderr: { write: (text) => err.push(text) },
    readSecret: async (question) => {
      questions.push(question);
      return typed;
    },
    onSignal: () => {},
  });
  return { code, stdout: out.join(""), stderr: err.join(""), questions };
}

describe("the exit code", () => {
  test("is 0 where nothing is found", async () => {
    await using stub = await startStub();
    const { code, stdout } = await run([stub.url.href]);
    expect({ code, stdout }).toMatchObject({ code: 0, stdout: expect.stringContaining("Good: no finding") });
    expect(stdout).toMatch(/^Iceberg for Java 1\.12\.0 +yes +yes$/m);
  });

  test("is 1 where something is, and the table says who starts and who goes on", async () => {
    await using stub = await startStub({
      fault: (right, { form }) =>
        form.has("subject_token") ? { ...right, status: 400, body: { error: "unsupported_grant_type" } } : right,
    });
    const { code, stdout } = await run([stub.url.href]);
    expect(code).toBe(1);
    expect(stdout).toMatch(/^Iceberg for Java 1\.12\.0 +yes +NO, never again +REFRESH_REFUSED$/m);
    expect(stdout).toMatch(/^iceberg-go 0\.7\.0 +yes +yes$/m);
    expect(stdout).toContain("`token-exchange-enabled=false`");
  });

  test("is 2 where nothing answers, also as JSON", async () => {
    const stub = await startStub();
    await stub[Symbol.asyncDispose]();
    const { code, stdout } = await run([stub.url.href, "--json"]);
    expect(code).toBe(2);
    expect(JSON.parse(stdout)).toMatchObject({ findings: [], error: expect.stringContaining("ECONNREFUSED") });
  });

  test.each([
    ["no URL", []],
    ["two URLs", ["https://a.example", "https://b.example"]],
    ["both ways", ["https://a.example", "--listen", "127.0.0.1:0"]],
    ["an unknown option", ["https://a.example", "--fast"]],
    ["a wait that is no number", ["https://a.example", "--wait", "long"]],
  ])("is 2, with the usage, for %s", async (_, args) => {
    expect(await run(args)).toMatchObject({ code: 2, stderr: expect.stringContaining("usage: icemint doctor URL") });
  });
});

test("a fault that only special settings meet leaves the table's yes", async () => {
  await using stub = await startStub({
    fault: (right, { form, headers }) =>
      form.has("client_secret") && headers.authorization !== undefined
        ? { ...right, status: 401, body: { error: "invalid_client", error_description: "no" } }
        : right,
  });
  const { code, stdout } = await run([stub.url.href]);
  expect(code).toBe(1);
  // Java sends a stale Bearer only with `token` and `credential` both set; PyIceberg at every renewal.
  expect(stdout).toMatch(/^Iceberg for Java 1\.12\.0 +yes +yes$/m);
  expect(stdout).toMatch(/^PyIceberg 0\.12\.0 +yes +NO +STALE_BEARER_REFUSED$/m);
});

test("--json prints the findings by their names", async () => {
  await using stub = await startStub({
    fault: (right) => ({ ...right, body: { ...(right.body as object), expires_in: undefined } }),
  });
  const { code, stdout } = await run([stub.url.href, "--json"]);
  expect(code).toBe(1);
  const { findings } = JSON.parse(stdout) as Report;
  expect(findings[0]).toEqual({
    id: "EXPIRES_IN_MISSING",
    clients: expect.arrayContaining(["iceberg-java", "pyiceberg-oauth2"]) as string[],
    when: "never again",
    what: expect.stringContaining("no expires_in") as string,
    mend: expect.stringMatching(/At the endpoint: .* At the client: /) as string,
    sees: expect.arrayContaining([
      expect.objectContaining({ client: "iceberg-java", fails: true }),
    ]) as Report["findings"][0]["sees"],
  });
});

test("--scope is what every client asks for", async () => {
  await using stub = await startStub({
    fault: (right, { form, grant }) =>
      grant === "client_credentials" && !["api://lake/.default", ""].includes(form.get("scope") ?? "none")
        ? { ...right, status: 400, body: { error: "invalid_scope", error_description: "no" } }
        : right,
  });
  expect((await run([stub.url.href])).stdout).toContain("SCOPE_CATALOG_REFUSED");
  const { stdout } = await run([stub.url.href, "--scope", "api://lake/.default", "--json"]);
  expect((JSON.parse(stdout) as Report).findings.map(({ id }) => id)).toEqual(["SCOPE_ROLE_ALL_REFUSED"]);
});

describe("the credential", () => {
  test("goes without TLS to this machine only, unless it is said", async () => {
    for (const args of [["http://192.0.2.1/token"], ["https://idp.example/token", "--catalog", "http://192.0.2.1/"]]) {
      expect(await run(args)).toMatchObject({ code: 2, stderr: expect.stringContaining("--insecure") });
    }
    expect(await run(["http://127.evil.example/token"])).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/open/),
    });
  });

  // SECURITY.md: "No secret is shown".
  test("does not belong into the URL, and a URL is http", async () => {
    expect(await run(["https://id:secret@idp.example/token"])).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/URL/),
    });
    expect((await run(["ftp://idp.example/token"])).code).toBe(2);
    expect((await run(["token"])).code).toBe(2);
  });

  test("comes from a file", async () => {
    const folder = mkdtempSync(join(tmpdir(), "icemint-doctor-"));
    const file = join(folder, "credential");
    writeFileSync(file, `${CREDENTIAL}\n`);
    await using stub = await startStub();
    expect((await run([stub.url.href], { ICEMINT_DOCTOR_CREDENTIAL_FILE: file })).code).toBe(0);
    rmSync(folder, { recursive: true });
  });

  test("is asked for where none is set, and missing it is said", async () => {
    await using stub = await startStub();
    expect(await run([stub.url.href], {}, CREDENTIAL)).toMatchObject({
      code: 0,
      questions: [expect.stringMatching(/id:secret/)],
    });
    expect(await run([stub.url.href], {})).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("ICEMINT_DOCTOR_CREDENTIAL"),
    });
  });

  test("is not shown while it is typed", async () => {
    const input = new PassThrough();
    const shown: string[] = [];
    const typed = promptSecret("Credential: ", { input, output: { write: (text) => shown.push(text) } });
    input.write("id:s3cret\n");
    expect(await typed).toBe("id:s3cret");
    expect(shown.join("")).toBe("Credential: \n");
  });
});

describe("--listen", () => {
  test("needs loopback, or --insecure", async () => {
    expect(await run(["--listen", "0.0.0.0:8190"])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("--insecure"),
    });
    expect((await run(["--listen", "8190"])).code).toBe(2);
  });

  test("ends with 0 at a signal", async () => {
    const signals: (() => void)[] = [];
    const said: string[] = [];
    const code = doctor({
      args: ["--listen", "127.0.0.1:0"],
      env: {},
      stdout: { write: (text) => said.push(text) },
      stderr: { write: () => {} },
      readSecret: async () => undefined,
      onSignal: (_, listener) => void signals.push(listener),
    });
    await expect.poll(() => said.join("")).toMatch(/http:\/\/127\.0\.0\.1:\d+/);
    signals[0]?.();
    expect(await code).toBe(0);
  });
});
