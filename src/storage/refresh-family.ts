/**
 * The rule by which a refresh token family lives (RFC 9700 section 4.14.2, rotation with reuse detection). Pure: the
 * memory store runs it, `storage/redis/lua/family-rotate.lua` mirrors it, and random histories prove that both agree.
 */
import type { FamilyPolicy, NewFamily, Rotation, RotationRequest } from "./refresh-families.js";

/** A stored family. Instants in milliseconds. */
export interface FamilyState extends Omit<NewFamily, "id"> {
  /** The generation of the newest token. */
  readonly generation: number;
  /** When that generation came to be: its predecessor is good for the grace window after this. */
  readonly rotatedAt: number;
  /** Whether the family is dead: a tombstone, kept until the session's end. */
  readonly marked: boolean;
}

/** The answer to a use, and the state to store (the same object if nothing changes). */
export interface Step {
  readonly next: FamilyState | undefined;
  readonly rotation: Rotation;
}

/** A family as it begins. */
export function begun(family: NewFamily, now: number): FamilyState {
  const { clientId, sessionId, endsAt, grant, mac } = family;
  return { clientId, sessionId, endsAt, grant, mac, generation: 0, rotatedAt: now, marked: false };
}

/**
 * Whether a family counts no more: its session has ended, or its newest token was left unused for too long. A tombstone
 * does not die of idleness: each later use of it must be answered with `reused`.
 */
export function isGone(state: FamilyState, now: number, policy: FamilyPolicy): boolean {
  return now >= state.endsAt || (!state.marked && now >= state.rotatedAt + policy.idleMs);
}

/** Uses a token of the family. Another client's family is `absent`: nobody can probe ids. */
export function rotate(
  state: FamilyState | undefined,
  request: RotationRequest,
  now: number,
  policy: FamilyPolicy,
): Step {
  if (state === undefined || state.clientId !== request.clientId || isGone(state, now, policy)) {
    return { next: state, rotation: { outcome: "absent" } };
  }
  const behind = state.generation - request.generation;
  if (!state.marked && behind <= 0) {
    const generation = request.generation + 1;
    const outcome = behind === 0 ? "rotated" : "caught_up";
    return {
      next: { ...state, generation, rotatedAt: now },
      rotation: { outcome, generation, family: familyOf(request.familyId, state) },
    };
  }
  if (!state.marked && behind === 1 && now < state.rotatedAt + policy.graceMs) {
    // Nothing is stored: a repeat must not lengthen the grace window.
    const { generation } = state;
    return { next: state, rotation: { outcome: "repeated", generation, family: familyOf(request.familyId, state) } };
  }
  const next = marked(state);
  return { next, rotation: { outcome: "reused", family: familyOf(request.familyId, next) } };
}

/** A family as it was created, without its later history. */
export function familyOf(id: string, { clientId, sessionId, endsAt, grant, mac }: FamilyState): NewFamily {
  return { id, clientId, sessionId, endsAt, grant, mac };
}

/** The family's tombstone. */
export function marked(state: FamilyState): FamilyState {
  return state.marked ? state : { ...state, marked: true, grant: "" };
}
