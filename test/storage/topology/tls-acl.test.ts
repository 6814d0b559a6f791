import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createRedisKeys } from "../../../src/storage/redis/keys.js";
import { eventually } from "../../support/eventually.js";
import { deployOnRedis, recordedLog, singleSettings } from "../../support/redis-deployment.js";
import { RedisProcess } from "../../support/redis-process.js";
import { type RedisTls, makeRedisTls, noRedisTls } from "../../support/redis-tls.js";
import { refreshFamiliesContract } from "../refresh-families.contract.js";
import { RecordingTable, aSession, revocationLogContract } from "../revocation-log.contract.js";
import { smallPortsContract } from "../small-ports.contract.js";
import { SECOND, wholeSecond } from "../../../src/time/clock.js";

const DOCUMENTED = /^ACL SETUSER icemint on >PASSWORD (.*)$/m.exec(readFileSync("docs/state.md", "utf8"))?.[1] ?? "";

const reason = noRedisTls();

describe.skipIf(reason !== "")(`over TLS with a client certificate${reason}`, () => {
  let tls: RedisTls;
  let server: RedisProcess;
  let admin: Redis;

  beforeAll(async () => {
    tls = makeRedisTls();
    server = await RedisProcess.start({ tls });
    admin = server.connect();
    const rules = DOCUMENTED.replace("~icemint:*", "~test-*").split(" ");
    await admin.call("ACL", "SETUSER", "icemint", "on", ">open sesame", ...rules);
  });

  afterAll(async () => {
    admin.disconnect();
    await server[Symbol.asyncDispose]();
    tls[Symbol.dispose]();
  });

  const settings = (password = "open sesame") =>
    singleSettings(`redis://127.0.0.1:${server.port}`, {
      username: "icemint",
      passwordFile: passwordFile(password),
      tls,
    });

  function passwordFile(password: string): string {
    const path = join(server.directory, `password-${createHash("sha256").update(password).digest("hex")}`);
    writeFileSync(path, password);
    return path;
  }

  describe("as a user with the documented commands only", () => {
    const deploy = (clock: () => number) => deployOnRedis({ settings: settings(), clock });
    refreshFamiliesContract(deploy);
    revocationLogContract(deploy);
    smallPortsContract(deploy);

    test("by Redis's own clock, entries past their end are removed and failures are followed", async () => {
      const own = settings();
      await using deployment = deployOnRedis({ settings: own });
      const storage = await deployment.replica();
      const end = new AbortController();
      storage.failedLogins.follow(() => {}, end.signal);
      await storage.revocations.publish(aSession(wholeSecond(Date.now()) - 100 * SECOND), "c");
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
});
