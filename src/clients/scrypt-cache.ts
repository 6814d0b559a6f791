/** Checks chosen secrets, which are hashed slowly by design, and remembers which ones were right. */
import { Buffer } from "node:buffer";
import { createHmac, scrypt, timingSafeEqual } from "node:crypto";
import type { Clock } from "../time/clock.js";
import { type Client, type ClientSecret, isCurrent } from "./client.js";
import type { ClientRegistry, ClientSet } from "./client-registry.js";
import type { Origin, SlowHashQueue } from "./slow-hash-queue.js";

/** A chosen secret as it is kept. */
export type ScryptSecret = Extract<ClientSecret, { kind: "scrypt" }>;

/** Who asks for a hash. */
export interface SlowAttempt {
  readonly claimedId: string | undefined;
  readonly origin: Origin;
}

/** Judges presented secrets against a client's slow ones. */
export interface ScryptCache {
  /** Whether this secret was found right before: cheap. */
  remembers(client: Client | undefined, presented: string): boolean;
  /**
   * Hashes, and remembers a right secret. The work is the same for every client, known or not. `attempt` says which id
   * was claimed and whom the work is for. Throws `temporarily_unavailable` when too many wait.
   */
  check(client: Client | undefined, presented: string, attempt?: SlowAttempt): Promise<boolean>;
}

/** What the verdicts work with. */
export interface ScryptCacheDependencies {
  readonly registry: ClientRegistry;
  readonly queue: SlowHashQueue;
  readonly clock: Clock;
  /** Cryptographically random bytes. */
  readonly random: (size: number) => Buffer;
  /** The hash itself: Node's, on its thread pool. */
  readonly derive?: (presented: string, secret: ScryptSecret) => Promise<Buffer>;
}

/** What holds for one state of the settings. */
interface Era {
  readonly clients: ClientSet;
  /** Checks under way, by the same MACs: a client's many workers that start at once cost one hash. */
  readonly underWay: Map<string, Promise<boolean>>;
  /** Hashed in place of secrets that a client does not have. */
  readonly decoys: readonly ScryptSecret[];
}

/** Makes the verdicts of this process. */
export function createScryptCache(dependencies: ScryptCacheDependencies): ScryptCache {
  const { registry, queue, clock, random, derive = deriveByScrypt } = dependencies;
  const macKey = random(32);
  // Right secrets, by a MAC under a key that never leaves the process, and the hash that each was right for: at most one
  // for each hash. They stay while the hash stays in the settings: else every change of any team's file would make all
  // clients with a chosen secret wait for a hash, or be refused one.
  const right = new Map<string, string>();
  let era = beginEra(registry.current, random);

  function present(): Era {
    if (era.clients === registry.current) return era;
    era = beginEra(registry.current, random);
    const inUse = new Set(slowSecretsOf(era.clients).map(nameOf));
    for (const [key, name] of right) if (!inUse.has(name)) right.delete(key);
    return era;
  }

  function mac(secrets: readonly ScryptSecret[], presented: string): string {
    const hmac = createHmac("sha256", macKey);
    for (const secret of secrets) hmac.update(`${nameOf(secret)};`);
    return hmac.update(".").update(presented).digest("base64");
  }

  /** A client's slow secrets, and decoys in place of those that it does not have. */
  function secretsOf(client: Client | undefined, { decoys }: Era): readonly ScryptSecret[] {
    return padded(client === undefined ? [] : slowSecrets(client, clock()), decoys);
  }

  /** All are hashed even when the first is right: it happens once, and keeps this simple. */
  async function checkAll(secrets: readonly ScryptSecret[], presented: string): Promise<boolean> {
    let isRight = false;
    for (const secret of secrets) {
      if (!timingSafeEqual(await derive(presented, secret), secret.hash)) continue;
      isRight = true;
      right.set(mac([secret], presented), nameOf(secret));
    }
    return isRight;
  }

  return {
    remembers(client, presented) {
      const at = present();
      return right.size > 0 && secretsOf(client, at).some((secret) => right.has(mac([secret], presented)));
    },
    check(client, presented, attempt) {
      const at = present();
      const secrets = secretsOf(client, at);
      // By the claimed id as well: else two unknown ids would share the hash of one secret, and known ones would not.
      const key = `${mac(secrets, presented)} ${attempt?.claimedId ?? client?.id ?? ""}`;
      const already = at.underWay.get(key);
      if (already) return already;
      const work = (): Promise<boolean> => checkAll(secrets, presented);
      const check = queue.run(work, attempt?.origin).finally(() => at.underWay.delete(key));
      at.underWay.set(key, check);
      return check;
    },
  };
}

function beginEra(clients: ClientSet, random: (size: number) => Buffer): Era {
  return { clients, underWay: new Map(), decoys: decoysFor(clients, random) };
}

function slowSecretsOf({ usesSlowSecrets, byId }: ClientSet): readonly ScryptSecret[] {
  if (!usesSlowSecrets) return [];
  return [...byId.values()].flatMap(({ secrets }) => secrets.filter((secret) => secret.kind === "scrypt"));
}

/** A hash and how it is made, as text: the same for the same secret only. */
function nameOf({ logN, r, p, salt, hash }: ScryptSecret): string {
  return `${logN},${r},${p},${salt.toString("base64url")},${hash.toString("base64url")}`;
}

/** Hashes of one cost take the same time. */
function costOf({ logN, r, p }: ScryptSecret): string {
  return `${logN},${r},${p}`;
}

/** Of each cost as many decoys as the client with the most secrets of that cost has. */
function decoysFor(clients: ClientSet, random: (size: number) => Buffer): ScryptSecret[] {
  const most = new Map<string, readonly ScryptSecret[]>();
  if (!clients.usesSlowSecrets) return [];
  for (const { secrets } of clients.byId.values()) {
    const slow = secrets.filter((secret) => secret.kind === "scrypt");
    for (const [cost, alike] of Map.groupBy(slow, costOf)) {
      if (alike.length > (most.get(cost)?.length ?? 0)) most.set(cost, alike);
    }
  }
  return [...most.values()].flat().map((secret) => ({
    ...secret,
    salt: random(secret.salt.length),
    hash: random(secret.hash.length),
    expiresAt: undefined,
  }));
}

/** Secrets with decoys until there are as many of each cost as there are decoys of it: the same work for everybody. */
function padded(own: readonly ScryptSecret[], decoys: readonly ScryptSecret[]): readonly ScryptSecret[] {
  const replaced = new Map([...Map.groupBy(own, costOf)].map(([cost, alike]) => [cost, alike.length]));
  const kept = decoys.filter((decoy) => {
    const left = replaced.get(costOf(decoy)) ?? 0;
    replaced.set(costOf(decoy), left - 1);
    return left <= 0;
  });
  return [...own, ...kept];
}

function slowSecrets(client: Client, nowMs: number): ScryptSecret[] {
  return client.secrets.filter((secret) => secret.kind === "scrypt").filter((secret) => isCurrent(secret, nowMs));
}

/** RFC 7914. */
function deriveByScrypt(presented: string, { logN, r, p, salt, hash }: ScryptSecret): Promise<Buffer> {
  const cost = 2 ** logN;
  // Twice what the algorithm needs (RFC 7914 section 2), since OpenSSL counts its own overhead too.
  const options = { cost, blockSize: r, parallelization: p, maxmem: 256 * cost * r + 256 * r * p };
  return new Promise((resolve, reject) => {
    scrypt(presented, salt, hash.length, options, (error, derived) => {
      if (error) reject(error);
      else resolve(derived);
    });
  });
}
