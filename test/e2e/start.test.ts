/** What a user types in the first minutes, typed. */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { stringify } from "yaml";
import { eventually } from "../support/eventually.js";
import { RedisProcess } from "../support/redis-process.js";
import { freePort } from "../support/free-port.js";
import { MAIN, ServerProcess } from "../support/server-process.js";
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
    ["what no server could read again", "/dev/null", /a server needs a file, which it can read again/],
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

test("while a large file is read again, the server goes on answering", async () => {
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

test("the demo client of a first start outlives a reload, which a variable's file can bring about", async () => {
  const folder = mkdtempSync(join(tmpdir(), "icemint-start-"));
  const level = join(folder, "level");
  writeFileSync(level, "info");
  await using server = await ServerProcess.start({ env: { ICEMINT_LOG_LEVEL_FILE: level } });
  const secret = /icm_\w+/.exec(server.stdout)?.[0] ?? "";
  const demo = { grant_type: "client_credentials", client_id: "demo", client_secret: secret };
  expectTokenSet(await postForm(server.url, demo));
  const reloaded = (): unknown => server.log().find(({ msg }) => msg === "settings reloaded");
  server.signal("SIGHUP");
  await eventually("SIGHUP reloads", () => reloaded() !== undefined, 5000);
  expect(reloaded()).toMatchObject({ clients: 1 });
  expectTokenSet(await postForm(server.url, demo));
  rmSync(folder, { recursive: true });
});

test("workers take a reload for what it is: nothing of theirs needs a restart", async () => {
  await using redis = await RedisProcess.start();
  const settings = (id: string) => ({
    issuer: "https://tokens.example.com",
    redis: { url: redis.url },
    clients: [client(id, SECRET)],
  });
  const env = { ICEMINT_SEALING_KEY: Buffer.alloc(32, 7).toString("base64") };
  await using server = await ServerProcess.start({ settings: settings("a"), args: ["--workers", "2"], env });
  server.writeSettings(settings("b"));
  const reloads = (): number => server.log().filter(({ msg }) => msg === "settings reloaded").length;
  await eventually("both have seen the change", () => reloads() === 2, 5000);
  expect(server.stderr).not.toContain("need a restart");
  expectTokenSet(await ask(server, "b"));
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

  test("--help among other words, or after the first of two, is answered too; after -- it is not asked for", async () => {
    const [among, first, after] = await Promise.all(
      ["revoke session --help x", "client --help", "revoke --server http://127.0.0.1:1 subject -- --help"].map((args) =>
        icemint(args, { ICEMINT_CLIENT_ID: "a", ICEMINT_CLIENT_SECRET: SECRET }),
      ),
    );
    expect(among).toMatchObject({ code: 0, stdout: expect.stringContaining("usage: icemint revoke") });
    expect(first).toMatchObject({ code: 0, stdout: expect.stringContaining("client new ID") });
    expect(after).toMatchObject({ code: 1, stdout: "" });
  });

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
    const major = Number.parseInt(old.slice(1), 10);
    if (!(major < 24)) skip(`this machine's Node is ${old.trim() || "none"}`);
    const { code, stdout, stderr } = await type(`node ${MAIN} serve`, { PATH: machinePath() });
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(/^icemint: needs Node 24 or later, because [^.;]+; this is [\d.]+\. .*\n$/);
  });
});
