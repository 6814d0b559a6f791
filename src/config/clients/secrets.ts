/** A client's secrets: read from where the settings say, checked, and made comparable. */
import { hash } from "node:crypto";
import type { ClientSecret } from "../../clients/client.js";
import { secretDigest } from "../../clients/secret.js";
import type { clientSchema } from "./schema.js";
import { type Findings, type Spot, inside } from "../reading/problem.js";
import type { Readable } from "../reading/by-schema.js";
import { parseScryptHash } from "./scrypt-hash.js";
import { looksGenerated } from "./secret.js";
import type { SettingFiles } from "../reading/setting-files.js";
import { isTrivialDigest } from "./trivial-secrets.js";

export interface SecretSources {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly findings: Findings;
  readonly now: number;
  /** Whether a missing variable is only a warning: for checks far from the deployment. */
  readonly lenient: boolean;
}

/** A secret, with a fingerprint to compare it by. */
export interface FoundSecret {
  readonly secret: ClientSecret;
  readonly spot: Spot;
  /** Equal for equal secrets (of slow hashes: for equal hashes). */
  readonly fingerprint: string;
}

type SecretYaml = NonNullable<NonNullable<NonNullable<Readable<typeof clientSchema>>["secrets"]>[number]>;

const KINDS = ["sha256", "scrypt", "env", "file"] as const;

/** Nobody guesses 24 characters, whatever they are made of, at the rate that the limits allow. */
const MIN_CHOSEN_LENGTH = 24;
const MAX_LENGTH = 1024;

/** A secret as it stands in a file. */
export interface SecretEntry {
  readonly yaml: SecretYaml;
  readonly spot: Spot;
  /** The names that were written, the wrong values among them too. */
  readonly names: readonly string[];
  readonly clientId: string | undefined;
  readonly files: SettingFiles;
}

/** Reads one secret. Undefined if it is not usable, which has been reported then. */
export function readSecret(entry: SecretEntry, sources: SecretSources): FoundSecret | undefined {
  const { yaml, spot, clientId } = entry;
  const { findings, now } = sources;
  if (yaml.expires !== undefined && yaml.expires <= now) findings.warning(spot, "has expired and can be removed");
  if (KINDS.filter((kind) => entry.names.includes(kind)).length !== 1) {
    findings.problem(spot, `must have exactly one of ${KINDS.join(", ")}`, "{ env: SPARK_SECRET }");
    return undefined;
  }
  if (yaml.scrypt !== undefined) return readScrypt(yaml.scrypt, yaml.expires, inside(spot, "scrypt"), findings);
  if (yaml.sha256 !== undefined) {
    const at = inside(spot, "sha256");
    const hex = yaml.sha256.toLowerCase();
    if (isTrivialDigest(hex, clientId)) {
      findings.problem(at, "is the digest of a word that anybody would try first", "icemint client new ID makes one");
    }
    return found(hex, { name: digestName(hex), identifies: true, expiresAt: yaml.expires }, at);
  }
  const clear = readClear(entry, sources);
  if (clear === undefined) return undefined;
  const name = yaml.env === undefined ? `file:${yaml.file}` : `env:${yaml.env}`;
  const secret = { name, identifies: looksGenerated(clear.value), expiresAt: yaml.expires };
  return found(secretDigest(clear.value), secret, clear.spot);
}

function readScrypt(phc: string, expiresAt: number | undefined, spot: Spot, findings: Findings) {
  const parsed = parseScryptHash(phc);
  if (typeof parsed === "string") {
    findings.problem(spot, parsed, '"$scrypt$ln=15,r=8,p=1$c2FsdHNhbHRzYWx0$aGFzaA..."');
    return undefined;
  }
  const fingerprint = `scrypt ${parsed.salt.toString("hex")} ${parsed.hash.toString("hex")}`;
  // A digest of the hash: the hash itself, even a part of it, would help to guess the secret.
  const name = `scrypt:${hash("sha256", fingerprint, "hex").slice(0, NAMED_DIGITS)}`;
  return { secret: { kind: "scrypt" as const, name, expiresAt, ...parsed }, spot, fingerprint };
}

function found(
  hex: string,
  secret: { readonly name: string; readonly identifies: boolean; readonly expiresAt: number | undefined },
  spot: Spot,
): FoundSecret {
  return { secret: { kind: "digest", sha256: hex, ...secret }, spot, fingerprint: hex };
}

/** Enough to tell the secrets of one client apart, and of no use for a guess at a generated one. */
const NAMED_DIGITS = 8;

/** The name of a secret of which only the digest is known. */
export function digestName(sha256: string): string {
  return `sha256:${sha256.slice(0, NAMED_DIGITS)}`;
}

/** The secret in clear from a variable or a file; undefined if it is not usable, which has been reported then. */
function readClear(entry: SecretEntry, sources: SecretSources) {
  const spot = inside(entry.spot, entry.yaml.env === undefined ? "file" : "env");
  const value =
    entry.yaml.env === undefined
      ? entry.files.secret(entry.yaml.file, spot)
      : readVariable(entry.yaml.env, spot, sources);
  if (value === undefined) return undefined;
  if (value.length < MIN_CHOSEN_LENGTH || value.length > MAX_LENGTH || /\p{Cc}/u.test(value)) {
    const reason = `leads to a secret that is not ${MIN_CHOSEN_LENGTH} to ${MAX_LENGTH} characters on one line`;
    sources.findings.problem(spot, reason, "icemint client new ID makes one");
    return undefined;
  }
  return { value, spot };
}

function readVariable(name: string, spot: Spot, { env, findings, lenient }: SecretSources): string | undefined {
  const value = env[name];
  if (value !== undefined && value !== "") return value;
  // Not by name: a secret may have been pasted where the name belongs.
  const reason = "names a variable that is not set";
  if (lenient) findings.warning(spot, reason);
  else findings.problem(spot, reason);
  return undefined;
}
