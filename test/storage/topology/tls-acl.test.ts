import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createRedisKeys } from "../../../src/storage/redis/keys.js";
import { eventually } from "../../support/eventually.js";
import { deployOnRedis, recordedLog, singleSettings } from "../../support/redis-deployment.js";
import { RedisProcess } from "../../support/redis-process.js";
import { freePort } from "../../support/redis-server.js";
import { refreshFamiliesContract } from "../refresh-families.contract.js";
import { RecordingTable, aSession, revocationLogContract } from "../revocation-log.contract.js";
import { smallPortsContract } from "../small-ports.contract.js";

const DOCUMENTED = /^ACL SETUSER icemint on >PASSWORD (.*)$/m.exec(readFileSync("docs/state.md", "utf8"))?.[1] ?? "";
const folder = mkdtempSync(join(tmpdir(), "icemint-tls-"));
const [certFile, keyFile] = [join(folder, "cert.pem"), join(folder, "key.pem")];
let server: RedisProcess;
let tlsPort: number;
let admin: Redis;

beforeAll(async () => {
  // One certificate is the authority, the server and the client.
  const subject = ["-subj", "/CN=icemint test", "-addext", "subjectAltName=IP:127.0.0.1"];
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", keyFile];
  execFileSync("openssl", ["req", "-x509", "-days", "1", ...key, "-out", certFile, ...subject], { stdio: "ignore" });
  tlsPort = await freePort();
  const tls = ["tls-cert-file", certFile, "tls-key-file", keyFile, "tls-ca-cert-file", certFile];
  server = await RedisProcess.start({ config: ["tls-port", String(tlsPort), ...tls, "tls-auth-clients", "yes"] });
  admin = server.connect();
  const rules = DOCUMENTED.replace("~icemint:*", "~test-*").split(" ");
  await admin.call("ACL", "SETUSER", "icemint", "on", ">open sesame", ...rules);
});

afterAll(async () => {
  admin.disconnect();
  await server[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

const settings = (password = "open sesame") =>
  singleSettings(`redis://127.0.0.1:${tlsPort}`, {
    username: "icemint",
    password,
    tls: { caFile: certFile, certFile, keyFile },
  });

describe("over TLS with a client certificate, as a user with the documented commands only", () => {
  const deploy = (clock: () => number) => deployOnRedis({ settings: settings(), clock });
  refreshFamiliesContract(deploy);
  revocationLogContract(deploy);
  smallPortsContract(deploy);

  test("by Redis's own clock, entries past their end are removed and failures are followed", async () => {
    const own = settings();
    await using deployment = deployOnRedis({ settings: own });
    const storage = await deployment.replica();
    const end = new AbortController();
    storage.failures.follow(() => {}, end.signal);
    await storage.revocations.publish(aSession(Math.floor(Date.now() / 1000) - 100), "c");
    const table = new RecordingTable({ clock: Date.now });
    void storage.revocations.follow(table, end.signal);
    const { revocations } = createRedisKeys(own.prefix);
    await eventually("it is removed", async () => (await admin.xlen(revocations)) === 0);
    end.abort();
  });

  test("nothing was denied, and nothing that was allowed is not needed", async () => {
    expect(await admin.call("ACL", "LOG")).toEqual([]);
    const stats = await admin.info("commandstats");
    const unused = DOCUMENTED.split(" ")
      .filter((rule) => rule.startsWith("+") && !rule.startsWith("+cluster"))
      .filter((rule) => !stats.includes(`cmdstat_${rule.slice(1)}:`));
    expect(unused).toEqual([]);
  });
});

test("without the right password the store is away, and no secret is in the log", async () => {
  const log = recordedLog();
  await using deployment = deployOnRedis({ settings: settings("wrong password"), log });
  const storage = await deployment.replica();
  expect(storage.health().state).toBe("down");
  await expect(storage.lease.hold("a", 1)).rejects.toMatchObject({ code: "temporarily_unavailable" });
  expect(log.lines.join("\n")).not.toContain("wrong password");
});
