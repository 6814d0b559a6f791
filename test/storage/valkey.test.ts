/** On Valkey, for those who have one: `ICEMINT_TEST_VALKEY` is the path of its server (src/storage/README.md). */
import { afterAll, beforeAll, describe } from "vitest";
import { deployOnRedis, singleSettings } from "../support/redis-deployment.js";
import { RedisProcess } from "../support/redis-process.js";
import { refreshFamiliesContract } from "./refresh-families.contract.js";
import { revocationLogContract } from "./revocation-log.contract.js";
import { smallPortsContract } from "./small-ports.contract.js";

const program = process.env["ICEMINT_TEST_VALKEY"] ?? "";

describe.skipIf(program === "")("on Valkey", () => {
  let server: RedisProcess;
  beforeAll(async () => {
    server = await RedisProcess.start({ program });
  });
  afterAll(() => server[Symbol.asyncDispose]());

  const deploy = (clock: () => number) => deployOnRedis({ settings: singleSettings(server.url), clock });
  refreshFamiliesContract(deploy);
  revocationLogContract(deploy);
  smallPortsContract(deploy);
});
