/** What is said of a Redis that cannot be reached: the connection's own words, with a real server. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { RedisSettings } from "../../src/config/config.js";
import type { Storage } from "../../src/storage/storage.js";
import { eventually } from "../support/eventually.js";
import { freePort } from "../support/free-port.js";
import { deployOnRedis, recordedLog, sentinelTopology, singleSettings } from "../support/redis-deployment.js";
import { RedisProcess } from "../support/redis-process.js";
import { clusterPort } from "../support/redis-topologies.js";
import { type RedisTls, makeRedisTls, noRedisTls } from "../support/redis-tls.js";

let folder: string;
let server: RedisProcess;
let files = 0;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "icemint-causes-"));
  server = await RedisProcess.start({ config: ["requirepass", "right"] });
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

function passwordFileOf(contents: string): string {
  const path = join(folder, `password-${(files += 1)}`);
  writeFileSync(path, contents);
  return path;
}

const works = (storage: Storage): boolean => storage.health().state === "up" && storage.health().trouble === undefined;

/** Starts a replica that does not reach Redis, and expects one cause in its health and in its log. */
async function expectCause(settings: RedisSettings, kind: string, words: RegExp): Promise<void> {
  const log = recordedLog();
  await using deployment = deployOnRedis({ settings, log });
  const storage = await deployment.replica();
  await eventually(`it is ${kind}`, () => storage.health().trouble?.kind === kind);
  expect(storage.health()).toMatchObject({ state: "down", trouble: { kind, reason: expect.stringMatching(words) } });
  const said = log.lines.filter((line) => line.startsWith("redis is away") && line.includes(`"state":"${kind}"`));
  expect(said).toHaveLength(1);
  expect(said[0]).toMatch(words);
  expect(log.lines.join()).not.toMatch(/the wrong one|right/);
}

describe.concurrent("the cause that is said", () => {
  test("of a wrong password", () => {
    const passwordFile = passwordFileOf("the wrong one");
    return expectCause(singleSettings(server.url, { passwordFile }), "login_rejected", /WRONGPASS/);
  });

  test("of no password", () => expectCause(singleSettings(server.url), "login_rejected", /NOAUTH/));

  test("of an unknown host", () =>
    expectCause(singleSettings("redis://icemint.invalid:6379"), "unknown_host", /getaddrinfo E\w+ icemint\.invalid/));

  test("of a closed port", async () =>
    expectCause(singleSettings(`redis://127.0.0.1:${await freePort()}`), "refused", /ECONNREFUSED/));

  test("of TLS on a port without", () =>
    expectCause(singleSettings(`rediss://127.0.0.1:${server.port}`), "tls_failed", /answers without TLS/));

  test("of a cluster whose nodes refuse the password", async () => {
    const passwordFile = passwordFileOf("the wrong one");
    const topology = { kind: "cluster", hosts: [`127.0.0.1:${server.port}`] } as const;
    await expectCause(singleSettings("", { topology, passwordFile }), "login_rejected", /WRONGPASS|NOAUTH/);
  });
});

const reason = noRedisTls();
describe.skipIf(reason !== "")(`over TLS${reason}`, () => {
  let tls: RedisTls;
  let secured: RedisProcess;

  beforeAll(async () => {
    tls = makeRedisTls();
    secured = await RedisProcess.start({ tls });
  });

  afterAll(async () => {
    await secured[Symbol.asyncDispose]();
    tls[Symbol.dispose]();
  });

  test("a client without TLS is said to be one", () =>
    expectCause(singleSettings(secured.url), "tls_failed", /answers by TLS only/));

  test("a name that the certificate lacks is said, and servername names the one that it has", async () => {
    await expectCause(
      singleSettings(`redis://localhost:${secured.port}`, { tls }),
      "tls_failed",
      /altnames|does not match/,
    );
    const named = namedCertificate("redis.example.com");
    await using other = await RedisProcess.start({ tls: named });
    await expectCause(singleSettings(other.url, { tls: named }), "tls_failed", /altnames|does not match/);
    const settings = singleSettings(other.url, { tls: { ...named, servername: "redis.example.com" } });
    await using deployment = deployOnRedis({ settings });
    expect(works(await deployment.replica())).toBe(true);
  });

  test("Sentinels may have a user, a password and TLS of their own, or none", async () => {
    await using master = await RedisProcess.start();
    const monitor = ["sentinel", `monitor icemint 127.0.0.1 ${master.port} 1`];
    const user = ["user", "watcher on >letmein +sentinel|get-master-addr-by-name +sentinel|sentinels +subscribe &*"];
    await using withTls = await RedisProcess.start({
      isSentinel: true,
      config: [...user, "user", "default off", ...monitor],
      tls,
    });
    const sentinelPassword = passwordFileOf("letmein");
    const own = { hosts: [`127.0.0.1:${withTls.port}`], master: "icemint", username: "watcher", tls };
    const right = sentinelTopology({ ...own, passwordFile: sentinelPassword });
    await using first = deployOnRedis({ settings: singleSettings("", { topology: right }) });
    expect(works(await first.replica())).toBe(true);
    await expectCause(singleSettings("", { topology: sentinelTopology(own) }), "login_rejected", /WRONGPASS|NOAUTH/);

    await using inClear = await RedisProcess.start({
      isSentinel: true,
      config: ["sentinel", `monitor icemint 127.0.0.1 ${secured.port} 1`],
    });
    const plain = sentinelTopology({ hosts: [`127.0.0.1:${inClear.port}`], master: "icemint", tls: undefined });
    await using second = deployOnRedis({ settings: singleSettings("", { topology: plain, tls }) });
    expect(works(await second.replica())).toBe(true);
  });

  function namedCertificate(name: string): RedisTls {
    const [certFile, keyFile] = [join(folder, "named.pem"), join(folder, "named-key.pem")];
    const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", keyFile];
    const subject = ["-subj", "/CN=named", "-addext", `subjectAltName=DNS:${name}`];
    execFileSync("openssl", ["req", "-x509", "-days", "1", ...key, "-out", certFile, ...subject], { stdio: "ignore" });
    return { caFile: certFile, certFile, keyFile, servername: undefined, [Symbol.dispose]: () => {} };
  }
});

describe("a password that is rotated in its file is used from the next connection on", () => {
  const admin = async (password: string, rotated: string): Promise<void> => {
    const link = new Redis(server.port, "127.0.0.1", { password, protocol: 2 });
    await link.config("SET", "requirepass", rotated);
    await link.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
    link.disconnect();
  };

  test.each([
    [
      "redis.password_file",
      (passwordFile: string) => singleSettings(server.url, { passwordFile }),
      (password: string) => password,
    ],
    [
      "the URL of ICEMINT_REDIS_URL_FILE",
      (urlFile: string) => singleSettings("", { topology: { kind: "single", url: server.url, urlFile } }),
      (password: string) => `redis://:${password}@127.0.0.1:${server.port}\n`,
    ],
  ])("%s", async (_, settings, contents) => {
    const passwordFile = passwordFileOf(contents("right"));
    const log = recordedLog();
    await using deployment = deployOnRedis({ settings: settings(passwordFile), log });
    const storage = await deployment.replica();
    expect(works(storage)).toBe(true);
    await admin("right", "rotated");
    await eventually("the old one is refused", () => storage.health().trouble?.kind === "login_rejected");
    writeFileSync(passwordFile, contents("rotated"));
    await eventually("it is connected again", () => works(storage));
    expect(log.lines.filter((line) => line.startsWith("redis answers"))).toHaveLength(2);
    await admin("rotated", "right");
  });
});

test("each node of a cluster gets the password of the file, a rotated one too", async () => {
  const config = ["cluster-enabled", "yes", "cluster-announce-ip", "127.0.0.1", "requirepass", "first"];
  await using node = await RedisProcess.start({ port: await clusterPort(), config });
  const admin = new Redis(node.port, "127.0.0.1", { password: "first", protocol: 2 });
  await admin.call("CLUSTER", "ADDSLOTSRANGE", "0", "16383");
  await eventually("it serves", async () => String(await admin.call("CLUSTER", "INFO")).includes("cluster_state:ok"));
  const passwordFile = passwordFileOf("first");
  const topology = { kind: "cluster", hosts: [`127.0.0.1:${node.port}`] } as const;
  await using deployment = deployOnRedis({ settings: singleSettings("", { topology, passwordFile }) });
  const storage = await deployment.replica();
  await eventually("it is connected", () => works(storage));
  writeFileSync(passwordFile, "second");
  await admin.config("SET", "requirepass", "second");
  await admin.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
  admin.disconnect();
  const lease = (): Promise<boolean> =>
    storage.lease.hold("a", 10).then(
      () => true,
      () => false,
    );
  await eventually("it is connected again", lease);
  expect((await storage.keyRing.read()) ?? "none").toBe("none");
});
