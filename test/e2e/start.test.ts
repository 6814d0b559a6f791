/** What a user types in the first minutes, typed. */
import { execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { closeSync, constants, mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text as allOf } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { stringify } from "yaml";
import { eventually } from "../support/eventually.js";
import { freePort } from "../support/redis-server.js";
import { MAIN, ServerProcess, cleanEnvironment } from "../support/server-process.js";
import { expectTokenSet } from "./fit-for-clients.js";
import { type RawAnswer, postForm } from "./http-exchange.js";
import { type Typed, machinePath, type } from "./typed-command.js";

const icemint = (args: string, env: Readonly<Record<string, string>> = {}): Promise<Typed> =>
  type(`node ${MAIN} ${args}`, env);

const client = (id: string, secret: string): object => ({
  id,
  secrets: [{ sha256: createHash("sha256").update(secret).digest("hex") }],
});
const SECRET = "a-secret-of-this-test-alone";
const manyClients = (count: number): readonly object[] =>
  Array.from({ length: count }, (_, at) => client(`c${at}`, `${SECRET}-${at}`));

function ask(server: ServerProcess, id: string): Promise<RawAnswer> {
  return postForm(server.url, { grant_type: "client_credentials", client_id: id, client_secret: SECRET });
}

describe("icemint serve without settings", () => {
  let server: ServerProcess;
  beforeAll(async () => {
    server = await ServerProcess.start();
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
  });
  const printed = (begin: string): string => {
    const line = server.stdout.split("\n").find((text) => text.trim().startsWith(begin));
    return line?.trim() ?? `nothing printed begins with '${begin}'`;
  };

  test("prints addresses, issuer, state, clients and warnings, and nothing else, as plain text", () => {
    const facts = server.stdout.split("\n").flatMap((line) => /^ {2}(\w+) {2,}(\S+)/.exec(line)?.slice(1, 3) ?? []);
    const { host } = new URL(server.url);
    expect(facts).toEqual(
      ["tokens", `${server.url}/v1/oauth/tokens`, "grpc", host, "admin", server.adminUrl, "issuer", server.url].concat([
        "state",
        "memory,",
        "clients",
        "1",
      ]),
    );
    expect(server.stdout).toMatch(/warning: signing keys .*\n.*warning: state is in memory/);
    // oxlint-disable-next-line no-control-regex -- escapes of a terminal are what must not be there
    expect(server.stdout).not.toMatch(/\x1b/);
    expect(server.log()).toEqual([]);
  });

  test("prints a curl command that answers with a token when it is pasted", async () => {
    const { code, stdout } = await type(`${printed("curl ")} --silent --show-error`);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ token_type: "bearer", scope: "catalog", expires_in: 3600 });
  });

  test("prints an npx buf curl command that answers with a token when it is pasted", async () => {
    const { code, stdout, stderr } = await type(printed("npx buf curl "));
    expect(code, stderr).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ accessToken: expect.stringMatching(/^ey/), tokenType: "bearer" });
  });

  test("ends with 0 on SIGTERM and on Ctrl-C, at once", async () => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) {
      await using short = await ServerProcess.start();
      const began = performance.now();
      expect(await short.stop(signal)).toEqual({ code: 0, signal: null });
      expect(performance.now() - began).toBeLessThan(3000);
    }
  });
});

describe("icemint serve that cannot start says why in one line and ends with 1", () => {
  test.each(["ICEMINT_LISTEN", "ICEMINT_ADMIN_LISTEN"])("for %s that is in use", async (name) => {
    const taken = createServer().listen(0, "127.0.0.1");
    await once(taken, "listening");
    const address = taken.address();
    const port = typeof address === "object" ? address?.port : 0;
    const env = {
      ICEMINT_LISTEN: `127.0.0.1:${await freePort()}`,
      ICEMINT_ADMIN_LISTEN: `127.0.0.1:${await freePort()}`,
    };
    const { code, stdout, stderr } = await icemint("serve", { ...env, [name]: `127.0.0.1:${port}` });
    taken.close();
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(new RegExp(`^icemint: 127\\.0\\.0\\.1:${port} is in use\\. .*${name}.*\\n$`));
  });

  test.each([
    ["a file that is not there", "/no/such/icemint.yaml", /no such file/],
    ["a folder", tmpdir(), /folder|directory/],
  ])("for %s as settings", async (_, file, why) => {
    const { code, stdout, stderr } = await icemint(`serve --config ${file}`);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(why);
    expect(stderr).toContain(file);
    expect(stderr).not.toMatch(/^ {4}at /m);
    expect(stderr.trimEnd().split("\n").length).toBeLessThanOrEqual(2);
  });

  test("for more clients than the memory holds", async () => {
    const folder = mkdtempSync(join(tmpdir(), "icemint-start-"));
    const file = join(folder, "icemint.yaml");
    writeFileSync(file, stringify({ clients: manyClients(10_000) }));
    const { code, stdout, stderr } = await icemint(`serve --config ${file}`, {
      NODE_OPTIONS: "--max-old-space-size=50",
    });
    rmSync(folder, { recursive: true });
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(/^icemint: the settings need more memory than Node may use: .+\n$/);
  });

  test("for Redis without a sealing key", async () => {
    const env = { ICEMINT_REDIS_URL: "redis://127.0.0.1:1", ICEMINT_ISSUER: "https://tokens.example.com" };
    const { code, stderr } = await icemint("serve", env);
    expect(code).toBe(1);
    expect(stderr).toContain("ICEMINT_SEALING_KEY");
  });
});

describe("settings that change", () => {
  test("take effect within 2 s, at once on SIGHUP, and not at all when they are bad", async () => {
    await using server = await ServerProcess.start({ settings: { clients: [client("a", SECRET)] } });
    expectTokenSet(await ask(server, "a"));

    const reloads = (): number => server.log().filter(({ msg }) => msg === "settings reloaded").length;
    server.writeSettings({ clients: [client("b", SECRET)] });
    await eventually("the change is seen", () => reloads() === 1, 2000);
    expectTokenSet(await ask(server, "b"));
    expect((await ask(server, "a")).status).toBe(401);

    server.signal("SIGHUP");
    await eventually("SIGHUP reloads", () => reloads() === 2, 1000);

    server.writeSettings("clients:\n  - id: c\n    secrets: [{ sha256: short }]\n  - id: d\n    nonsense: 1\n");
    server.signal("SIGHUP");
    const refused = (): unknown => server.log().find(({ msg }) => String(msg).startsWith("changed settings refused"));
    await eventually("the bad file is refused", () => refused() !== undefined, 2000);
    expect(JSON.stringify(refused())).toMatch(/sha256.*nonsense/);
    expectTokenSet(await ask(server, "b"));
    expect((await ask(server, "c")).status).toBe(401);
  });
});

test("a signal while the settings are still read ends the server in order, without a start", async () => {
  const folder = mkdtempSync(join(tmpdir(), "icemint-start-"));
  const pipe = join(folder, "icemint.yaml");
  execFileSync("mkfifo", [pipe]);
  const child = spawn("node", [MAIN, "serve", "--config", pipe], { env: cleanEnvironment(), stdio: "pipe" });
  try {
    const exited = once(child, "exit");
    const printed = allOf(child.stdout);
    // A pipe opens for writing once somebody reads it.
    const opened = () => {
      try {
        return openSync(pipe, constants.O_WRONLY | constants.O_NONBLOCK);
      } catch {
        return undefined;
      }
    };
    let writer: number | undefined;
    await eventually("it reads", () => (writer = opened()) !== undefined, 10_000);
    child.kill("SIGTERM");
    // So much that reading takes longer than loading the server's code, which holds up the signal.
    writeFileSync(join(folder, "many"), stringify({ clients: manyClients(10_000) }));
    execFileSync("sh", ["-c", 'cat "$0" > "$1"', join(folder, "many"), pipe]);
    closeSync(writer ?? 0);
    expect(await exited).toEqual([0, null]);
    expect(await printed).toBe("");
  } finally {
    child.kill("SIGKILL");
    rmSync(folder, { recursive: true });
  }
});

test("while a large file is read anew, the server goes on answering", async () => {
  await using server = await ServerProcess.start({ settings: { clients: [client("a", SECRET)] } });
  const isReloaded = (): boolean => server.log().some(({ msg }) => msg === "settings reloaded");
  server.writeSettings({ clients: [client("a", SECRET), ...manyClients(10_000)] });
  server.signal("SIGHUP");
  let slowest = 0;
  let answers = 0;
  for (; !isReloaded(); answers++) {
    const began = performance.now();
    expectTokenSet(await ask(server, "a"));
    slowest = Math.max(slowest, performance.now() - began);
  }
  expect(answers).toBeGreaterThan(20);
  expect(slowest).toBeLessThan(500);
});

describe("the other commands", () => {
  test("icemint client new prints a secret, and YAML that lets it in when it is pasted", async () => {
    const { code, stdout } = await icemint("client new spark-etl");
    expect(code).toBe(0);
    const secret = /^ {2}(icm_\w+)$/m.exec(stdout)?.[1] ?? "";
    const yaml = stdout.slice(stdout.indexOf("  - id:"));
    expect(yaml).not.toContain(secret);
    await using server = await ServerProcess.start({ settings: `clients:\n${yaml}` });
    const credentials = { client_id: "spark-etl", client_secret: secret };
    expectTokenSet(await postForm(server.url, { grant_type: "client_credentials", ...credentials }));
    expectTokenSet(await postForm(server.url, { grant_type: "client_credentials", client_secret: secret }));
  });

  test("icemint check-config says everything that is wrong with a file, and 0 when nothing is", async () => {
    const folder = mkdtempSync(join(tmpdir(), "icemint-check-"));
    const file = join(folder, "icemint.yaml");
    try {
      writeFileSync(file, "tokens: { access_ttl: forever }\nclients:\n  - id: 'a:b'\n    secrets: [{ sha256: no }]\n");
      const bad = await icemint(`check-config ${file}`);
      expect(bad.code).toBe(1);
      for (const path of ["tokens.access_ttl", "clients[0].id", "sha256"]) expect(bad.stdout).toContain(path);
      writeFileSync(file, JSON.stringify({ clients: [client("a", SECRET)] }));
      expect(await icemint(`check-config ${file}`)).toMatchObject({ code: 0, stderr: "" });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test.each(["serve", "client new", "check-config", "token", "revoke", "keys", "keys rotate"])(
    "%s --help says how it is called, and does nothing",
    async (command) => {
      const [long, short] = await Promise.all(["--help", "-h"].map((word) => icemint(`${command} ${word}`)));
      expect(long).toMatchObject({ code: 0, stderr: "", stdout: expect.stringMatching(/^usage: icemint /) });
      expect(long?.stdout).toContain(`icemint ${command}`);
      expect(short).toEqual(long);
    },
  );

  test("--help and --version end with 0, no command and an unknown one with 2 and the list of commands", async () => {
    const [help, version, none, unknown] = await Promise.all(
      ["--help", "--version", "", "serv"].map((args) => icemint(args)),
    );
    expect(help).toMatchObject({ code: 0, stderr: "", stdout: expect.stringContaining("serve [--config FILE]") });
    expect(version).toMatchObject({ code: 0, stderr: "", stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) });
    expect(none).toMatchObject({ code: 2, stdout: "", stderr: help?.stdout });
    expect(unknown).toMatchObject({ code: 2, stdout: "", stderr: expect.stringContaining("no command 'serv'") });
  });

  test("npx icemint works in the checkout, whatever Node the machine has", async () => {
    const { code, stdout } = await type("npx icemint --version", { PATH: machinePath() });
    expect(code).toBe(0);
    expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  test("on a Node that is too old it says so in one line", async ({ skip }) => {
    const { stdout: old } = await type("node --version", { PATH: machinePath() });
    const [major = 0, minor = 0] = old.slice(1).split(".").map(Number);
    if (major === 0 || major > 22 || (major === 22 && minor >= 22))
      skip(`this machine's Node is ${old.trim() || "none"}`);
    const { code, stdout, stderr } = await type(`node ${MAIN} serve`, { PATH: machinePath() });
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(/^icemint: needs Node 22\.22 or later, and this is [\d.]+\. .*\n$/);
  });
});
