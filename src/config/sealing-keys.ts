/** The keys that seal private keys at rest. */

const KEY_BYTES = 32;
/** A change of key needs two; more are leftovers. */
const MAX_KEYS = 10;

/** Reads 32-byte keys in base64 or base64url, several by comma; undefined if any of them is none. */
export function parseSealingKeys(text: string): readonly Buffer[] | undefined {
  const parts = text.split(",").map((part) => part.trim());
  if (parts.length > MAX_KEYS) return undefined;
  const keys = parts.map((part) =>
    /^[A-Za-z0-9+/_-]{43}=?$/.test(part) ? Buffer.from(part, "base64") : Buffer.alloc(0),
  );
  return keys.every((key) => key.length === KEY_BYTES) ? keys : undefined;
}
