import { describe, inject } from "vitest";
import { deployOnRedis, singleSettings } from "../support/redis-deployment.js";
import { refreshFamiliesContract } from "./refresh-families.contract.js";
import { revocationLogContract } from "./revocation-log.contract.js";
import { activityContract } from "./activity.contract.js";
import { smallPortsContract } from "./small-ports.contract.js";

describe("on Redis", () => {
  const deploy = (clock: () => number) => deployOnRedis({ settings: singleSettings(inject("redisUrl")), clock });
  refreshFamiliesContract(deploy);
  revocationLogContract(deploy);
  smallPortsContract(deploy);
  activityContract(deploy);
});
