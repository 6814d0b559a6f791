/** Checks chosen secrets, which are hashed slowly by design, and remembers which ones were right. */
import { Buffer } from "node:buffer";
import { createHmac, scrypt, timingSafeEqual } from "node:crypto";
import type { Clock } from "../time/clock.js";
import type { Client, ClientSecret } from "./client.js";
import type { ClientRegistry, ClientSet } from "./client-registry.js";
import { isCurrent } from "./secret.js";
import type { SlowHashQueue } from "./slow-hash-queue.js";

/** A chosen secret as it is kept. */
export type ScryptSecret = Extract<ClientSecret, { kind: "scrypt" }>;

/** Judges presented secrets against a client's slow ones. */
export interface ScryptCache {
  /** Whether this secret was found right before: cheap. */
  remembers(client: Client | undefined, presented: string): boolean;
  /**
   * Hashes, and remembers a right secret. Whoever is asked about, known or not, it does the same number of hashes. Throws
   * `temporarily_unavailable` when too many wait.
   */
  check(client: Client | undefined, presented: string): Promise<boolean>;
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
      present();
      if (client === undefined || right.size === 0) return false;
      return slowSecrets(client, clock()).some((secret) => right.has(mac([secret], presented)));
    },
    check(client, presented) {
      const at = present();
      const own = client === undefined ? [] : slowSecrets(client, clock());
      const secrets = [...own, ...at.decoys.slice(own.length)];
      const key = mac(secrets, presented);
      const already = at.underWay.get(key);
      if (already) return already;
      const check = queue.run(() => checkAll(secrets, presented)).finally(() => at.underWay.delete(key));
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

/** As many decoys, as slow, as the client with the most slow secrets has. */
function decoysFor(clients: ClientSet, random: (size: number) => Buffer): ScryptSecret[] {
  let most: readonly ScryptSecret[] = [];
  if (!clients.usesSlowSecrets) return [];
  for (const client of clients.byId.values()) {
    const secrets = client.secrets.filter((secret) => secret.kind === "scrypt");
    if (secrets.length > most.length) most = secrets;
  }
  return most.map((secret) => ({
    ...secret,
    salt: random(secret.salt.length),
    hash: random(secret.hash.length),
    expiresAt: undefined,
  }));
}

function slowSecrets(client: Client, now: number): ScryptSecret[] {
  return client.secrets.filter((secret) => secret.kind === "scrypt").filter((secret) => isCurrent(secret, now));
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
