/** Refresh token families. One family is one user's session at one client; each use makes the next generation. */

/** The most that a family's grant may hold, in bytes. */
export const MAX_GRANT_BYTES = 8 * 1024;
/** The most bytes of its other strings. A longer one was written by someone else. */
export const MAX_FIELD_BYTES = 256;

/** A family as it is created. Instants in milliseconds. */
export interface NewFamily {
  /** 16 random bytes in base64url. */
  readonly id: string;
  /** The client that it was issued to. */
  readonly clientId: string;
  readonly sessionId: string;
  /** When the session ends: nothing of the family is of use later. */
  readonly endsAt: number;
  /** The grant, as the grant engine wrote it: opaque to the store, at most 8 KiB. */
  readonly grant: string;
  /** Authenticates all of the above: opaque to the store. Empty for a family of a release that wrote none. */
  readonly mac: string;
}

/** A family as it stands. */
export interface StoredFamily extends NewFamily {
  /** The generation that may be used next. */
  readonly generation: number;
  /** Whether it is of use: not marked. */
  readonly live: boolean;
}

/** How families live: from the settings, the same for every call. In milliseconds. */
export interface FamilyPolicy {
  /** How long the previous generation gets the same successor again. */
  readonly graceMs: number;
  /** An unused family dies after this. */
  readonly idleMs: number;
}

/** One use of a refresh token. */
export interface RotationRequest {
  readonly familyId: string;
  /** The generation of the token that was presented, from 0. */
  readonly generation: number;
  /** The presenting client. A family of another client answers `absent` and stays as it is. */
  readonly clientId: string;
}

/** The result of one use. */
export type Rotation =
  /** The token was the newest: `generation` is its successor. */
  | { readonly outcome: "rotated"; readonly generation: number; readonly family: NewFamily }
  /** The token was the one before, inside the grace window: the same successor again. */
  | { readonly outcome: "repeated"; readonly generation: number; readonly family: NewFamily }
  /** The token was ahead of the store, which must have lost writes: the store caught up. */
  | { readonly outcome: "caught_up"; readonly generation: number; readonly family: NewFamily }
  /**
   * The token was replaced long ago, or the family is already marked: family and session are dead. `grant` is empty.
   */
  | { readonly outcome: "reused"; readonly family: NewFamily }
  /** The stored value is no family: someone else wrote it. */
  | { readonly outcome: "tampered" }
  /** No such family: never made, idle, ended, lost, or another client's. */
  | { readonly outcome: "absent" };

/**
 * The families. Every method is one atomic step, safe to repeat after a time-out whose outcome is unknown. Throws
 * `temporarily_unavailable` within 300 ms when the store is away, with nothing half done.
 */
export interface RefreshFamilies {
  /** Stores a new family at generation 0. Repeating it with the same id changes nothing while the family counts. */
  create(family: NewFamily): Promise<void>;
  /** Uses a token. Of any number of racers with one token, all get the same successor. */
  rotate(request: RotationRequest): Promise<Rotation>;
  /**
   * A family, live or marked (then `grant` is empty). Undefined if there is none, if it died of idleness, or if its
   * session has ended. `tampered` if the stored value is no family. Reads only.
   */
  find(familyId: string): Promise<StoredFamily | "tampered" | undefined>;
  /** Marks a family as dead; a tombstone stays until its session's end. Unknown families are no error. */
  revoke(familyId: string): Promise<void>;
}
