import { MINUTE } from "../../time/clock.js";
import { MAX_GRANT_BYTES } from "../refresh-families.js";
import type { FamilyPolicy, RefreshFamilies, Rotation } from "../refresh-families.js";
import type { RedisKeys } from "./keys.js";
import type { RedisCaller } from "./redis-caller.js";
import { textList } from "./reply.js";
import { familyCreate, familyFind, familyRevoke, familyRotate } from "./scripts.js";
import type { ScriptNow } from "./script-now.js";

/** The TTL only cleans up; what is stored decides. */
const TTL_SLACK_MS = MINUTE;

/** Refresh token families, one hash each. */
export function createRedisFamilies(needs: {
  redis: RedisCaller;
  keys: RedisKeys;
  policy: FamilyPolicy;
  now: ScriptNow;
}): RefreshFamilies {
  const { redis, keys, now } = needs;
  const { graceMs, idleMs } = needs.policy;
  return {
    async create({ id, clientId, sessionId, endsAt, grant }) {
      if (Buffer.byteLength(grant) > MAX_GRANT_BYTES) throw new RangeError("a grant is larger than 8 KiB");
      const args = [clientId, sessionId, endsAt, grant, idleMs, TTL_SLACK_MS, now()];
      await redis.run(familyCreate, [keys.family(id)], args);
    },
    async rotate({ familyId, clientId, generation }) {
      const args = [clientId, generation, graceMs, idleMs, TTL_SLACK_MS, now()];
      return rotationOf(textList(await redis.run(familyRotate, [keys.family(familyId)], args)));
    },
    async find(id) {
      const reply = textList(await redis.run(familyFind, [keys.family(id)], [idleMs, now()]));
      const [clientId, sessionId, endsAt, grant = "", generation, marked] = reply;
      if (clientId === undefined || sessionId === undefined) return undefined;
      const live = marked !== "1";
      return { id, clientId, sessionId, endsAt: Number(endsAt), grant, generation: Number(generation), live };
    },
    async revoke(id) {
      await redis.run(familyRevoke, [keys.family(id)], [idleMs, TTL_SLACK_MS, now()]);
    },
  };
}

function rotationOf([outcome, first = "", second = ""]: readonly string[]): Rotation {
  switch (outcome) {
    case "rotated":
    case "repeated":
    case "caught_up":
      return { outcome, generation: Number(first), grant: second };
    case "reused":
      return { outcome, sessionId: first, endsAt: Number(second) };
    case "absent":
      return { outcome };
    default:
      throw new TypeError("an unknown outcome of family-rotate.lua");
  }
}
