/**
 * MACs over stored values (RFC 2104, HMAC-SHA256). An attacker who can write to the store can delete values or put old
 * ones back, but cannot make one.
 */
import { type KeyObject, createHmac, createSecretKey, hkdfSync } from "node:crypto";

/** Each purpose has a key of its own: the MAC of one is never valid for another. */
export type MacPurpose = "refresh family" | "revocation";

/** The MAC of a list of values, in base64url. Throws `temporarily_unavailable` while there is no key. */
export type StoreMac = (values: readonly (string | number)[]) => string;

/** Where the MAC key comes from: the key ring. It throws `temporarily_unavailable` until it is loaded. */
interface MacKeySource {
  macKey(): Buffer;
}

/** Makes the MAC of one purpose. Its key is derived (RFC 5869) from the MAC key that the ring keeps sealed. */
export function createStoreMac(keys: MacKeySource, purpose: MacPurpose): StoreMac {
  let derivedFrom: Buffer | undefined;
  let key: KeyObject;
  return (values) => {
    const macKey = keys.macKey();
    if (macKey !== derivedFrom) {
      key = createSecretKey(Buffer.from(hkdfSync("sha256", macKey, "", `icemint ${purpose}`, 32)));
      derivedFrom = macKey;
    }
    return createHmac("sha256", key).update(encoded(values)).digest("base64url");
  };
}

/** Each value behind its length in bytes: no two lists are written alike. */
function encoded(values: readonly (string | number)[]): string {
  let text = "";
  for (const value of values) {
    const written = String(value);
    text += `${Buffer.byteLength(written)}:${written}`;
  }
  return text;
}
