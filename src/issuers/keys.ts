/**
 * Keeps the public keys of trusted issuers, and of clients with a `jwks_uri`: fetched when first needed, refreshed by
 * age, asked for again when a token names an unknown key. The last good ones stay while their source is away. Ours
 * instead of jose's `createRemoteJWKSet`, which drops them then, and reads neither files nor an issuer's own CA and token.
 */
import type { JWK } from "jose";
import { MINUTE, SECOND, type Clock } from "../time/clock.js";
import { OAuthError } from "../oauth/error.js";
import type { FetchJson } from "./fetch-json.js";
import { selectKey, type VerificationKey } from "../jwt/jwk-set.js";
import { loadKeys, type KeySource } from "./key-source.js";

export interface IssuerKeys {
  /**
   * The key of a signature: by its `kid`, or without one the only key that fits the algorithm. Undefined if there is no
   * such key. Throws `temporarily_unavailable` if the source never answered.
   */
  find(source: KeySource, algorithm: string, kid: string | undefined): Promise<JWK | undefined>;
}

export interface IssuerKeysDependencies {
  readonly fetchJson: FetchJson;
  /** Reads a text file. */
  readonly readFile: (path: string) => Promise<string>;
  readonly clock: Clock;
  /** Called at every failed load, also while older keys still serve. */
  readonly onFailure?: (source: KeySource, error: unknown) => void;
}

/** Keys are good for as long as their source says, within these bounds. */
const MIN_AGE = 30 * SECOND;
const MAX_AGE = 60 * MINUTE;
const DEFAULT_AGE = 10 * MINUTE;
/** A file is cheap to look at. */
const FILE_AGE = 1 * SECOND;

/** A source is not asked again sooner, whatever unknown keys tokens name. */
const COOL_DOWN = 30 * SECOND;
/** Sooner while there are no keys at all: a start must not last long. */
const FIRST_COOL_DOWN = 1 * SECOND;

/** Sources kept at most: the settings name fewer, but change. */
const MAX_SOURCES = 10_000;

/** One source as far as it is known. Instants in milliseconds. */
interface Entry {
  keys: KeyIndex | undefined;
  /** When the keys are to be refreshed, and from when on that is waited for. */
  staleAt: number;
  tooOldAt: number;
  askedAt: number;
  underWay: Promise<void> | undefined;
  failure: unknown;
}

export function createIssuerKeys(dependencies: IssuerKeysDependencies): IssuerKeys {
  const { clock, onFailure } = dependencies;
  const entries = new Map<string, Entry>();

  function entryOf(source: KeySource): Entry {
    const name = JSON.stringify(source);
    const known = entries.get(name);
    if (known) return known;
    const [oldest] = entries.keys();
    if (oldest !== undefined && entries.size >= MAX_SOURCES) entries.delete(oldest);
    const entry: Entry = {
      keys: undefined,
      staleAt: 0,
      tooOldAt: 0,
      askedAt: -Infinity,
      underWay: undefined,
      failure: undefined,
    };
    entries.set(name, entry);
    return entry;
  }

  async function load(entry: Entry, source: KeySource): Promise<void> {
    entry.askedAt = clock();
    try {
      const { keys, maxAgeSeconds } = await loadKeys(source, dependencies);
      const age = ageOf(source, maxAgeSeconds);
      entry.keys = indexKeys(keys);
      entry.staleAt = entry.askedAt + age;
      entry.tooOldAt = entry.askedAt + 2 * age;
    } catch (error) {
      entry.failure = error;
      onFailure?.(source, error);
    }
  }

  /** Asks the source, unless it was asked a moment ago: then the known keys must do. Single flight. Never rejects. */
  function refresh(entry: Entry, source: KeySource): Promise<void> {
    if (entry.underWay) return entry.underWay;
    if (clock() < entry.askedAt + coolDown(entry, source)) return Promise.resolve();
    entry.underWay = load(entry, source).finally(() => (entry.underWay = undefined));
    return entry.underWay;
  }

  return {
    async find(source, algorithm, kid) {
      const entry = entryOf(source);
      const now = clock();
      if (now >= entry.staleAt) {
        const refreshed = refresh(entry, source);
        // Slightly old keys serve while new ones come: a slow issuer slows nobody down.
        if (now >= entry.tooOldAt) await refreshed;
      }
      let found = selectKey(candidates(entry, kid), algorithm, kid);
      if (found === "unknown") {
        await refresh(entry, source);
        found = selectKey(candidates(entry, kid), algorithm, kid);
      }
      return typeof found === "string" ? undefined : found.jwk;
    },
  };
}

/** A key set with an index: finding a key takes as long in a large set as in a small one. */
interface KeyIndex {
  readonly all: readonly VerificationKey[];
  readonly byKid: ReadonlyMap<string, readonly VerificationKey[]>;
}

function indexKeys(all: readonly VerificationKey[]): KeyIndex {
  const byKid = new Map<string, VerificationKey[]>();
  for (const key of all) {
    if (key.kid === undefined) continue;
    const sharing = byKid.get(key.kid);
    if (sharing === undefined) byKid.set(key.kid, [key]);
    else sharing.push(key);
  }
  return { all, byKid };
}

/** Keys that a token with this `kid` may be signed with. */
function candidates({ keys, failure }: Entry, kid: string | undefined): readonly VerificationKey[] {
  if (keys) return kid === undefined ? keys.all : (keys.byKid.get(kid) ?? []);
  throw new OAuthError(
    "temporarily_unavailable",
    "ISSUER_UNAVAILABLE",
    "The keys of a trusted issuer cannot be fetched now. Try again.",
    { cause: failure },
  );
}

function ageOf(source: KeySource, maxAgeSeconds: number | undefined): number {
  if (source.at.kind === "file") return FILE_AGE;
  return maxAgeSeconds === undefined ? DEFAULT_AGE : Math.min(Math.max(maxAgeSeconds * SECOND, MIN_AGE), MAX_AGE);
}

function coolDown(entry: Entry, source: KeySource): number {
  return entry.keys === undefined || source.at.kind === "file" ? FIRST_COOL_DOWN : COOL_DOWN;
}
