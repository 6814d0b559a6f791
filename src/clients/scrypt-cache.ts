/** Checks chosen secrets by a slow hash, and caches the right ones. */
import { Buffer } from "node:buffer";
import { createHmac, scrypt, timingSafeEqual } from "node:crypto";
import type { Clock } from "../time/clock.js";
import { type Client, type ClientSecret, isCurrent } from "./client.js";
import type { ClientRegistry, ClientSet } from "./client-registry.js";
import type { Origin, SlowHashQueue } from "./slow-hash-queue.js";

/** A chosen secret as it is stored. */
export type ScryptSecret = Extract<ClientSecret, { kind: "scrypt" }>;

export interface SlowAttempt {
  readonly claimedId: string | undefined;
  readonly origin: Origin;
}

/** Compares presented secrets with a client's slow ones. */
export interface ScryptCache {
  /** The current secret that this one was found equal to before. One MAC for each slow secret, no hash. */
  remembers(client: Client | undefined, presented: string): ScryptSecret | undefined;
  /**
   * Hashes, and returns the secret of the client that it equals, an expired one too; a current one is cached. The work
   * is the same for known and unknown clients. Throws `temporarily_unavailable` if too many hashes wait.
   */
  check(client: Client | undefined, presented: string, attempt?: SlowAttempt): Promise<ScryptSecret | undefined>;
}

export interface ScryptCacheDependencies {
  readonly registry: ClientRegistry;
  readonly queue: SlowHashQueue;
  readonly clock: Clock;
  /** Cryptographically random bytes. */
  readonly random: (size: number) => Buffer;
  /** Default: Node's scrypt, on its thread pool. */
  readonly derive?: (presented: string, secret: ScryptSecret) => Promise<Buffer>;
}

/** State that belongs to one state of the settings. */
interface Era {
  readonly clients: ClientSet;
  /** Hashes under way, by MAC and id: many workers of a client that start together cost one hash. */
  readonly underWay: Map<string, Promise<ScryptSecret | undefined>>;
  /** Hashed in place of secrets that a client does not have. */
  readonly decoys: readonly ScryptSecret[];
}

export function createScryptCache(dependencies: ScryptCacheDependencies): ScryptCache {
  const { registry, queue, clock, random, derive = deriveByScrypt } = dependencies;
  const macKey = random(32);
  // The MAC of a right secret, and the hash that it was right for: at most one entry for each hash. The MAC key never
  // leaves the process. An entry stays while its hash stays in the settings. Otherwise each change of any team's file
  // would make all clients with a chosen secret wait for a hash.
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

  /** All are hashed, even after a right one. This happens once for each right secret. */
  async function checkAll(secrets: readonly ScryptSecret[], presented: string): Promise<ScryptSecret | undefined> {
    const equal: ScryptSecret[] = [];
    for (const secret of secrets) {
      if (!timingSafeEqual(await derive(presented, secret), secret.hash)) continue;
      equal.push(secret);
      right.set(mac([secret], presented), nameOf(secret));
    }
    return equal.find((secret) => isCurrent(secret, clock())) ?? equal[0];
  }

  return {
    remembers(client, presented) {
      const at = present();
      if (right.size === 0) return undefined;
      const known = secretsOf(client, at).filter((secret) => right.has(mac([secret], presented)));
      return known.find((secret) => isCurrent(secret, clock()));
    },
    check(client, presented, attempt) {
      const at = present();
      const secrets = secretsOf(client, at);
      // The key has the claimed id too. Otherwise two unknown ids would share a hash, and two known ones would not.
      const key = `${mac(secrets, presented)} ${attempt?.claimedId ?? client?.id ?? ""}`;
      const already = at.underWay.get(key);
      if (already) return already;
      const work = () => checkAll(secrets, presented);
      const check = queue.run(work, attempt?.origin).finally(() => at.underWay.delete(key));
      at.underWay.set(key, check);
      return check;
    },
  };
}

/** A client's slow secrets, the expired ones too, and decoys for those that it lacks. */
function secretsOf(client: Client | undefined, { decoys }: Era): readonly ScryptSecret[] {
  return padded(client === undefined ? [] : client.secrets.filter((secret) => secret.kind === "scrypt"), decoys);
}

function beginEra(clients: ClientSet, random: (size: number) => Buffer): Era {
  return { clients, underWay: new Map(), decoys: decoysFor(clients, random) };
}

function slowSecretsOf({ usesSlowSecrets, byId }: ClientSet): readonly ScryptSecret[] {
  if (!usesSlowSecrets) return [];
  return [...byId.values()].flatMap(({ secrets }) => secrets.filter((secret) => secret.kind === "scrypt"));
}

/** A string for a hash and its parameters. No two hashes share it. */
function nameOf({ logN, r, p, salt, hash }: ScryptSecret): string {
  return `${logN},${r},${p},${salt.toString("base64url")},${hash.toString("base64url")}`;
}

/** Hashes of one cost take the same time. */
function costOf({ logN, r, p }: ScryptSecret): string {
  return `${logN},${r},${p}`;
}

/** For each cost, as many decoys as the client with the most secrets of that cost has. */
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

/** Adds decoys up to their number for each cost: every client causes the same work. */
function padded(own: readonly ScryptSecret[], decoys: readonly ScryptSecret[]): readonly ScryptSecret[] {
  const replaced = new Map([...Map.groupBy(own, costOf)].map(([cost, alike]) => [cost, alike.length]));
  const kept = decoys.filter((decoy) => {
    const left = replaced.get(costOf(decoy)) ?? 0;
    replaced.set(costOf(decoy), left - 1);
    return left <= 0;
  });
  return [...own, ...kept];
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
