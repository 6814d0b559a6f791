/** Hashes of chosen secrets, in the PHC string format that passlib and others write. */

/** The parts of a hash. Memory for one check is 128 x 2^logN x r bytes. */
export interface ScryptHash {
  readonly logN: number;
  readonly r: number;
  readonly p: number;
  readonly salt: Buffer;
  readonly hash: Buffer;
}

const FORM =
  /^\$scrypt\$ln=(?<logN>\d{1,2}),r=(?<r>\d{1,2}),p=(?<p>\d{1,2})\$(?<salt>[A-Za-z0-9+/]+)={0,2}\$(?<hash>[A-Za-z0-9+/]+)={0,2}$/;

/** Below, guessing is cheap (OWASP asks for 2^15 with r 8 and p 3, or more); above, one check takes too much memory. */
const MIN_LOG_N = 14;
const MAX_LOG_N = 17;
const MAX_MEMORY_BYTES = 128 * 1024 * 1024;
const MAX_P = 4;

/** Reads `$scrypt$ln=15,r=8,p=1$salt$hash`. Returns the fault as a sentence that never repeats any of it. */
export function parseScryptHash(phc: string): ScryptHash | string {
  const parts = FORM.exec(phc)?.groups;
  if (parts === undefined) return "must look like $scrypt$ln=15,r=8,p=1$salt$hash, both in base64";
  const logN = Number(parts["logN"]);
  const r = Number(parts["r"]);
  const p = Number(parts["p"]);
  if (logN < MIN_LOG_N || logN > MAX_LOG_N) return `must have ln from ${MIN_LOG_N} to ${MAX_LOG_N}`;
  if (r < 8 || 128 * 2 ** logN * r > MAX_MEMORY_BYTES) return "must have r of at least 8, and need at most 128 MiB";
  if (p < 1 || p > MAX_P) return `must have p from 1 to ${MAX_P}`;
  const salt = Buffer.from(parts["salt"] ?? "", "base64");
  const hash = Buffer.from(parts["hash"] ?? "", "base64");
  if (salt.length < 8 || salt.length > 64) return "must have a salt of 8 to 64 bytes";
  if (hash.length < 16 || hash.length > 64) return "must have a hash of 16 to 64 bytes";
  return { logN, r, p, salt, hash };
}
