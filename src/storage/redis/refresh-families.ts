import { MINUTE } from "../../time/clock.js";
import { MAX_FIELD_BYTES, MAX_GRANT_BYTES } from "../refresh-families.js";
import type { FamilyPolicy, NewFamily, RefreshFamilies, Rotation, RotationRequest } from "../refresh-families.js";
import type { RedisKeys } from "./keys.js";
import { type RedisCaller, isWrongType } from "./redis-caller.js";
import { stringList } from "./reply.js";
import { familyCreate, familyFind, familyRevoke, familyRotate } from "./scripts.js";
import type { ScriptNow } from "./script-now.js";

/** The TTL only cleans up; the stored instants decide. */
const TTL_SLACK_MS = MINUTE;
const SIZES = [MAX_GRANT_BYTES, MAX_FIELD_BYTES] as const;

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
    async create({ id, clientId, sessionId, endsAt, grant, mac }) {
      if (Buffer.byteLength(grant) > MAX_GRANT_BYTES) throw new RangeError("a grant is larger than 8 KiB");
      const args = [clientId, sessionId, endsAt, grant, mac, idleMs, TTL_SLACK_MS, now()];
      await redis.run(familyCreate, [keys.family(id)], args);
    },
    async rotate(request) {
      const { familyId, clientId, generation } = request;
      const args = [clientId, generation, graceMs, idleMs, TTL_SLACK_MS, ...SIZES, now()];
      const reply = await orTampered(redis.run(familyRotate, [keys.family(familyId)], args));
      return rotationOf(stringList(reply), request);
    },
    async find(id) {
      const reply = await orTampered(redis.run(familyFind, [keys.family(id)], [idleMs, ...SIZES, now()]));
      const [outcome, clientId = "", sessionId = "", endsAt, grant = "", mac = "", generation, marked] =
        stringList(reply);
      if (outcome !== "found") return outcome === "tampered" ? outcome : undefined;
      const family = { id, clientId, sessionId, endsAt: Number(endsAt), grant, mac };
      return { ...family, generation: Number(generation), live: marked !== "1" };
    },
    async revoke(id) {
      await redis.run(familyRevoke, [keys.family(id)], [idleMs, TTL_SLACK_MS, now()]);
    },
  };
}

/** A key of another type counts as `tampered`, as in the scripts. */
function orTampered(reply: Promise<unknown>): Promise<unknown> {
  return reply.catch((error: unknown) => {
    if (isWrongType(error)) return ["tampered"];
    throw error;
  });
}

function rotationOf(reply: readonly string[], { familyId: id, clientId }: RotationRequest): Rotation {
  const [outcome, generation, sessionId = "", endsAt, mac = "", grant = ""] = reply;
  const family: NewFamily = { id, clientId, sessionId, endsAt: Number(endsAt), grant, mac };
  switch (outcome) {
    case "rotated":
    case "repeated":
    case "caught_up":
      return { outcome, generation: Number(generation), family };
    case "reused":
      return { outcome, family };
    case "absent":
    case "tampered":
      return { outcome };
    default:
      throw new TypeError("an unknown outcome of family-rotate.lua");
  }
}
