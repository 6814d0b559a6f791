/**
 * Spells every key that icemint has in Redis; `../README.md` lists their types, lives and sizes. The keys of one script
 * share a hash tag, and so a slot. A caller's string goes into a key as a digest only.
 */
import { createHash } from "node:crypto";

/** Changes with the meaning of the stored values. */
const VERSION = 1;

export interface RedisKeys {
  family(familyId: string): string;
  replay(id: string): string;
  readonly revocations: string;
  readonly revocationsState: string;
  revocationQuota(owner: string): string;
  readonly ring: string;
  readonly lease: string;
  readonly failures: string;
  readonly uses: string;
  readonly reports: string;
}

/** Spells the keys under a prefix. */
export function createRedisKeys(prefix: string): RedisKeys {
  const start = `${prefix}:${VERSION}`;
  return {
    family: (familyId) => `${start}:family:{${familyId}}`,
    replay: (id) => `${start}:replay:{${digest(id)}}`,
    revocations: `${start}:{revocations}:log`,
    revocationsState: `${start}:{revocations}:state`,
    revocationQuota: (owner) => `${start}:{revocations}:quota:${digest(owner)}`,
    ring: `${start}:{ring}:sealed`,
    lease: `${start}:{ring}:lease`,
    failures: `${start}:{failures}:recent`,
    uses: `${start}:{activity}:uses`,
    reports: `${start}:{activity}:reports`,
  };
}

function digest(text: string): string {
  return createHash("sha256").update(text).digest("base64url");
}
