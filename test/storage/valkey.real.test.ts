/** On Valkey, where there is one (src/storage/README.md). */
import { afterAll, beforeAll, describe } from "vitest";
import { deployOnRedis, singleSettings } from "../support/redis-deployment.js";
import { RedisProcess } from "../support/redis-process.js";
import { tool } from "../support/tool.js";
import { refreshFamiliesContract } from "./refresh-families.contract.js";
import { revocationLogContract } from "./revocation-log.contract.js";
import { smallPortsContract } from "./small-ports.contract.js";

const valkey = tool("valkey-server", "from valkey.io");

describe.skipIf(valkey.missing)(`on Valkey${valkey.reason}`, () => {
  let server: RedisProcess;
  beforeAll(async () => {
    server = await RedisProcess.start({ program: valkey.path });
  });
  afterAll(() => server[Symbol.asyncDispose]());

  const deploy = (clock: () => number) => deployOnRedis({ settings: singleSettings(server.url), clock });
  refreshFamiliesContract(deploy);
  revocationLogContract(deploy);
  smallPortsContract(deploy);
});
