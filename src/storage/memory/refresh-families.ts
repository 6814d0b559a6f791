import type { Clock } from "../../time/clock.js";
import { begun, familyOf, isGone, marked, rotate } from "../refresh-family.js";
import type { FamilyState } from "../refresh-family.js";
import { MAX_GRANT_BYTES } from "../refresh-families.js";
import type { FamilyPolicy, RefreshFamilies } from "../refresh-families.js";
import { createSweeper } from "./sweeper.js";

/** Refresh token families in this process. */
export function createMemoryFamilies({ clock, policy }: { clock: Clock; policy: FamilyPolicy }): RefreshFamilies {
  const families = new Map<string, FamilyState>();
  const sweep = createSweeper(families, (state) => isGone(state, clock(), policy));
  const present = (id: string): FamilyState | undefined => {
    const state = families.get(id);
    return state === undefined || isGone(state, clock(), policy) ? undefined : state;
  };
  return {
    async create(family) {
      if (Buffer.byteLength(family.grant) > MAX_GRANT_BYTES) throw new RangeError("a grant is larger than 8 KiB");
      sweep();
      if (present(family.id) === undefined) families.set(family.id, begun(family, clock()));
    },
    async rotate(request) {
      const { next, rotation } = rotate(families.get(request.familyId), request, clock(), policy);
      if (next !== undefined) families.set(request.familyId, next);
      return rotation;
    },
    async find(id) {
      const state = present(id);
      if (state === undefined) return undefined;
      return { ...familyOf(id, state), generation: state.generation, live: !state.marked };
    },
    async revoke(id) {
      const state = present(id);
      if (state !== undefined) families.set(id, marked(state));
    },
  };
}
