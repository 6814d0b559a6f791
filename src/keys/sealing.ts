/** Seals secrets before they are stored: AES-256-GCM under the operator's sealing keys. */
import { createCipheriv, createDecipheriv, createHash, randomBytes } from "node:crypto";

export interface Sealing {
  /** Seals under the first key, with a fresh random nonce. */
  seal(text: string): string;
  /**
   * Opens what any of the keys sealed, for the same purpose and context. Throws `SealError`, which says how to mend it.
   */
  open(sealed: string): string;
  /** Whether the first key sealed it. If not, it is sealed again: the older key can go. */
  isFresh(sealed: string): boolean;
}

/** A sealed value that cannot be opened here. `message` says how to mend it, and holds nothing secret. */
export class SealError extends Error {
  override readonly name = "SealError";
}

const VERSION = "v1";
const CIPHER = "aes-256-gcm";
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const KEY_BYTES = 32;
const KEY_ID_CHARACTERS = 8;

/**
 * `keys` are 32 bytes each: the first seals, all open. `purpose` and `context` (such as the prefix of this deployment
 * in the store) are bound into the seal. A value sealed for another purpose or deployment does not open, even under the
 * same key.
 *
 * Form: `v1.<key id>.<nonce, ciphertext and tag in base64url>`. The key id is the start of a digest of the key: an
 * error can name the missing key.
 */
export function createSealing(options: {
  readonly keys: readonly Buffer[];
  readonly purpose: string;
  readonly context: string;
}): Sealing {
  const [first] = options.keys;
  if (first === undefined || options.keys.some((key) => key.length !== KEY_BYTES)) {
    throw new Error("a sealing key is 32 bytes, and at least one is needed");
  }
  const keysById = new Map(options.keys.map((key) => [sealingKeyId(key), key]));
  const firstId = sealingKeyId(first);
  const boundTo = (keyId: string): Buffer =>
    Buffer.from(JSON.stringify(["icemint", VERSION, keyId, options.purpose, options.context]));

  return {
    seal(text) {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv(CIPHER, first, nonce, { authTagLength: TAG_BYTES }).setAAD(boundTo(firstId));
      const sealed = Buffer.concat([nonce, cipher.update(text, "utf8"), cipher.final(), cipher.getAuthTag()]);
      return `${VERSION}.${firstId}.${sealed.toString("base64url")}`;
    },
    open(sealed) {
      const { keyId, bytes } = parse(sealed);
      const key = keysById.get(keyId);
      if (key === undefined) throw new SealError(missingKey(keyId, [...keysById.keys()]));
      return decrypt(key, bytes, boundTo(keyId), options.purpose);
    },
    isFresh: (sealed) => sealed.startsWith(`${VERSION}.${firstId}.`),
  };
}

/** The name of a sealing key in logs and errors: 32 bits of its digest, which say nothing about 256 random bits. */
export function sealingKeyId(key: Buffer): string {
  return createHash("sha256").update("icemint sealing key id\n").update(key).digest("hex").slice(0, KEY_ID_CHARACTERS);
}

function parse(sealed: string): { readonly keyId: string; readonly bytes: Buffer } {
  const [version, keyId, body, ...rest] = sealed.split(".");
  if (version !== VERSION || keyId === undefined || body === undefined || rest.length > 0) {
    throw new SealError("It is not sealed in a form that this release knows. A later release may have written it.");
  }
  const bytes = Buffer.from(body, "base64url");
  if (bytes.length < NONCE_BYTES + TAG_BYTES) throw new SealError("It is cut short.");
  return { keyId, bytes };
}

function decrypt(key: Buffer, bytes: Buffer, boundTo: Buffer, purpose: string): string {
  const decipher = createDecipheriv(CIPHER, key, bytes.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES });
  decipher.setAAD(boundTo).setAuthTag(bytes.subarray(-TAG_BYTES));
  try {
    const text = decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES));
    return Buffer.concat([text, decipher.final()]).toString("utf8");
  } catch (cause) {
    const description = `It was sealed for another deployment or purpose than this ${purpose}, or was changed since.`;
    throw new SealError(description, { cause });
  }
}

function missingKey(keyId: string, known: readonly string[]): string {
  return (
    `It is sealed under key ${keyId}, which is not among ICEMINT_SEALING_KEY (${known.join(", ")}). ` +
    "Add that key to the list, behind the first, or remove the sealed value to start over."
  );
}
