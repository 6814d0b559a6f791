/**
 * What must be dead, said as plainly as possible: after everything that has happened, which sessions nobody may go on
 * with. It knows no clock but the true one, no store, and no claim of a token but who is in it.
 */

/** Who named the subject: a trusted issuer, an unsecured token, or nobody, where the subject is a client. */
export type NamedBy = "issuer" | "unsecured" | "client";

/** A session as the model sees it. Instants in true seconds. */
export interface ModelSession {
  readonly subject: string;
  readonly namedBy: NamedBy;
  /** The clients in it: the one that holds it first, then each for which the one before acts. */
  readonly chain: readonly string[];
  /** Its id, and those of the sessions that it grew from. */
  readonly lineage: ReadonlySet<string>;
  /** Every key that signed a token of it, or one that it grew from. */
  readonly keys: ReadonlySet<string>;
  readonly begunAt: number;
  readonly endsAt: number;
  /** How many revocations there had been when it began. */
  readonly begunAfter: number;
}

export type ModelRevocation =
  { readonly kind: "session" | "key" | "subject" | "client"; readonly id: string } | { readonly kind: "everything" };

/** The settings that can be narrowed. */
export interface ModelSettings {
  readonly clients: ReadonlySet<string>;
  readonly actors: ReadonlySet<string>;
  readonly unsecured: ReadonlySet<string>;
  readonly issuerTrusted: boolean;
}

/** All that was revoked, in order. */
export class RevocationModel {
  readonly #revoked: ModelRevocation[] = [];

  get count(): number {
    return this.#revoked.length;
  }

  revoke(revocation: ModelRevocation): void {
    this.#revoked.push(revocation);
  }

  /** Whether nobody may use a token of the session any more, wherever they ask. */
  isRevoked(session: ModelSession): boolean {
    return this.#revoked.some((revocation, order) => {
      if (revocation.kind === "session") return session.lineage.has(revocation.id);
      if (revocation.kind === "key") return session.keys.has(revocation.id);
      if (order < session.begunAfter) return false;
      if (revocation.kind === "everything") return true;
      if (revocation.kind === "subject") return session.subject === revocation.id;
      return session.chain.includes(revocation.id);
    });
  }
}

/** Whether the settings would not lead to such a session now: it may be used to its token's end, not gone on with. */
export function isLapsed({ chain, namedBy }: ModelSession, settings: ModelSettings): boolean {
  if (!chain.every((client) => settings.clients.has(client))) return true;
  if (!chain.slice(0, -1).every((client) => settings.actors.has(client))) return true;
  if (namedBy === "issuer") return !settings.issuerTrusted;
  return namedBy === "unsecured" && !settings.unsecured.has(chain.at(-1) ?? "");
}

/** Whether the session is over where `session_ttl` is this. */
export function hasEnded({ begunAt, endsAt }: ModelSession, ttlSeconds: number, now: number): boolean {
  return now >= Math.min(endsAt, begunAt + ttlSeconds);
}
