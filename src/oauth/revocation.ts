/** Revocations, as replicas tell each other and verifiers. Instants in milliseconds, at whole seconds. */

/** Something whose tokens are no longer good. */
export type Revocation = { /** From when on no token can live that this concerns. */ readonly expiresAt: number } & (
  | { readonly kind: "session"; readonly sessionId: string }
  | { readonly kind: "subject"; readonly subject: string; readonly notBefore: number }
  | { readonly kind: "client"; readonly clientId: string; readonly notBefore: number }
  /** All clients whose ids begin with it: those of one workload rule. */
  | { readonly kind: "client_prefix"; readonly prefix: string; readonly notBefore: number }
  | { readonly kind: "everything"; readonly notBefore: number }
  | { readonly kind: "key"; readonly kid: string }
);

/** The name of what is revoked; `*` is everything. */
export function nameOf(revocation: Revocation): string {
  switch (revocation.kind) {
    case "session":
      return revocation.sessionId;
    case "subject":
      return revocation.subject;
    case "client":
      return revocation.clientId;
    case "client_prefix":
      return revocation.prefix;
    case "everything":
      return "*";
    case "key":
      return revocation.kid;
  }
}

/** The parts of a token, or of a session that begins, that decide whether it is revoked. */
export interface Revocable {
  readonly sessionIds: readonly string[];
  readonly subject: string;
  readonly clientId: string;
  readonly actors: readonly string[];
  /** Claim `auth_time`, which not-before revocations compare with, never `iat`. */
  readonly startedAt: number;
  /** The key that signed it, and those that signed what it grew from. A refresh token is signed by none. */
  readonly kids: readonly string[];
}

/** A replica's own view of all revocations. Every method is a look-up in memory. */
export interface RevocationView {
  /** Whether a token or a session is revoked. */
  covers(token: Revocable): boolean;
  /**
   * The latest not-before instant that a new session of these must begin after, or 0. A session begun before it has
   * passed begins a second after it.
   */
  notBefore(subject: string, clientId: string, actors: readonly string[]): number;
  /**
   * The latest `auth_time` that a session of the target may have, or 0: one that began before an instant had passed is
   * dated after it, and a revocation of the next moment must reach it all the same.
   */
  latestStart(kind: "subject" | "client" | "everything", id: string): number;
  /** Milliseconds since the view was last known to be complete; Infinity before the first full load. */
  ageMs(): number;
}
