/**
 * A replica's view of the revocations, filled from the log. A look-up reads only this process's memory. The table knows
 * no store, no token format and no client.
 */
import { type Clock, MINUTE, SECOND, wholeSecond } from "../time/clock.js";
import type { Revocable, Revocation, RevocationView } from "../oauth/revocation.js";
import type { LoggedRevocation, RevocationSink } from "../storage/revocation-log.js";
import { RevokedSessions } from "./sessions.js";

/** Bars every session that began at or before an instant. For a key the instant is Infinity. */
interface Bar {
  notBefore: number;
  expiresAt: number;
  pass: number;
}

/** No revocation is dated further ahead, however many come in a second: sessions are dated after it. */
const MAX_AHEAD_MS = MINUTE;

/** Every kind but sessions: these are few. */
type BroadRevocation = Exclude<Revocation, { readonly kind: "session" }>;
type Target = "subject" | "client" | "client_prefix" | "everything" | "key";

export class RevocationTable implements RevocationView, RevocationSink {
  readonly #clock: Clock;
  readonly #sessions = new RevokedSessions();
  readonly #bars: Readonly<Record<Target, Map<string, Bar>>> = {
    subject: new Map(),
    client: new Map(),
    client_prefix: new Map(),
    everything: new Map(),
    key: new Map(),
  };
  #pass = 0;
  #completeAt = -Infinity;

  constructor({ clock }: { clock: Clock }) {
    this.#clock = clock;
  }

  /** The number of revocations, with those that are over but not swept yet. */
  get size(): number {
    return Object.values(this.#bars).reduce((sum, bars) => sum + bars.size, this.#sessions.size);
  }

  covers(token: Revocable): boolean {
    const now = this.#clock();
    if (token.sessionIds.some((id) => this.#sessions.expiryOf(id) > now)) return true;
    if (token.kids.some((kid) => this.#isBarred("key", kid, token.startedAt, now))) return true;
    if (this.#isBarred("everything", "", token.startedAt, now)) return true;
    if (this.#isBarred("subject", token.subject, token.startedAt, now)) return true;
    // No user has the name of a client: a subject of that name is the client itself.
    if (this.#isBarred("client", token.subject, token.startedAt, now)) return true;
    if (token.clientId !== token.subject && this.#isBarred("client", token.clientId, token.startedAt, now)) return true;
    if (token.actors.some((actor) => this.#isBarred("client", actor, token.startedAt, now))) return true;
    return token.startedAt <= this.#notBeforeOfPrefixes(token.subject, token.clientId, token.actors, now);
  }

  notBefore(subject: string, clientId: string, actors: readonly string[]): number {
    const now = this.#clock();
    return Math.max(
      this.#notBeforeOf("everything", "", now),
      this.#notBeforeOf("subject", subject, now),
      this.#notBeforeOf("client", subject, now),
      this.#notBeforeOf("client", clientId, now),
      this.#notBeforeOfPrefixes(subject, clientId, actors, now),
      ...actors.map((actor) => this.#notBeforeOf("client", actor, now)),
    );
  }

  latestStart(kind: "subject" | "client" | "everything", id: string): number {
    const now = this.#clock();
    // A session has one subject, but any number of clients: it may be dated by another's instant.
    const others = [
      this.#bars.everything,
      this.#bars.client,
      this.#bars.client_prefix,
      ...(kind === "subject" ? [] : [this.#bars.subject]),
    ];
    let latest = this.#notBeforeOf(kind, id, now);
    for (const bars of others) for (const bar of bars.values()) latest = Math.max(latest, bar.notBefore);
    return latest > now ? Math.min(latest + SECOND, wholeSecond(now) + MAX_AHEAD_MS) : 0;
  }

  ageMs(): number {
    return Math.max(0, this.#clock() - this.#completeAt);
  }

  /** Whether the table changed. */
  apply({ revocation }: LoggedRevocation): boolean {
    const now = this.#clock();
    if (revocation.expiresAt <= now) return false;
    if (revocation.kind === "session") return this.#sessions.add(revocation, now);
    const [target, id] = targetOf(revocation);
    const bar = this.#bars[target].get(id) ?? { notBefore: 0, expiresAt: 0, pass: 0 };
    const notBefore = Math.max(bar.notBefore, revocation.kind === "key" ? Infinity : revocation.notBefore);
    const expiresAt = Math.max(bar.expiresAt, revocation.expiresAt);
    this.#bars[target].set(id, { notBefore, expiresAt, pass: this.#pass });
    return notBefore > bar.notBefore || expiresAt > bar.expiresAt;
  }

  caughtUp(at: number): void {
    this.#completeAt = at;
    this.#sweep(this.#clock());
  }

  beginFullRead(): void {
    this.#pass += 1;
    this.#sessions.beginPass();
  }

  unconfirmed(): Iterable<Revocation> {
    return this.#inForce("unseen");
  }

  /** Everything in force, lazily. A revocation that is applied during the iteration may or may not appear. */
  inForce(): Iterable<Revocation> {
    return this.#inForce("all");
  }

  holds(revocation: Revocation): boolean {
    if (revocation.kind === "session") {
      return this.#sessions.expiryOf(revocation.sessionId) >= revocation.expiresAt;
    }
    return revocation.kind === "key" && (this.#bars.key.get(revocation.kid)?.expiresAt ?? 0) >= revocation.expiresAt;
  }

  *#inForce(only: "all" | "unseen"): Generator<Revocation> {
    const now = this.#clock();
    for (const target of ["everything", "client_prefix", "client", "subject", "key"] as const) {
      for (const [id, bar] of this.#bars[target]) {
        if (bar.expiresAt > now && (only === "all" || bar.pass !== this.#pass)) yield revocationOf(target, id, bar);
      }
    }
    for (const session of this.#sessions.inForce(now, only)) yield { kind: "session", ...session };
  }

  /** One bar for each id is enough: a later instant bars everything that an earlier one barred. */
  #isBarred(target: Target, id: string, startedAt: number, now: number): boolean {
    const bar = this.#bars[target].get(id);
    return bar !== undefined && bar.expiresAt > now && startedAt <= bar.notBefore;
  }

  #notBeforeOf(target: Target, id: string, now: number): number {
    const bar = this.#bars[target].get(id);
    return bar !== undefined && bar.expiresAt > now ? bar.notBefore : 0;
  }

  /** The latest instant of a prefix that one of the names begins with. There are as many as rules that changed: few. */
  #notBeforeOfPrefixes(subject: string, clientId: string, actors: readonly string[], now: number): number {
    let latest = -1;
    for (const [prefix, { notBefore, expiresAt }] of this.#bars.client_prefix) {
      if (expiresAt <= now || notBefore <= latest) continue;
      const begins = (name: string): boolean => name.startsWith(prefix);
      if (begins(subject) || begins(clientId) || actors.some(begins)) latest = notBefore;
    }
    return latest;
  }

  #sweep(now: number): void {
    this.#sessions.sweep(now);
    for (const bars of Object.values(this.#bars)) {
      for (const [id, { expiresAt }] of bars) if (expiresAt <= now) bars.delete(id);
    }
  }
}

function targetOf(revocation: BroadRevocation): readonly [Target, string] {
  const { kind } = revocation;
  if (kind === "subject") return [kind, revocation.subject];
  if (kind === "client") return [kind, revocation.clientId];
  if (kind === "client_prefix") return [kind, revocation.prefix];
  if (kind === "key") return [kind, revocation.kid];
  return [kind, ""];
}

function revocationOf(target: Target, id: string, { notBefore, expiresAt }: Bar): Revocation {
  switch (target) {
    case "subject":
      return { kind: target, subject: id, notBefore, expiresAt };
    case "client":
      return { kind: target, clientId: id, notBefore, expiresAt };
    case "client_prefix":
      return { kind: target, prefix: id, notBefore, expiresAt };
    case "key":
      return { kind: target, kid: id, expiresAt };
    default:
      return { kind: target, notBefore, expiresAt };
  }
}
