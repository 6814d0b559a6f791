import { scryptSync } from "node:crypto";
import { expect, test } from "vitest";
import { parseScryptHash } from "../../../src/config/clients/scrypt-hash.js";

/** From passlib's documentation of passlib.hash.scrypt: the hash of "password". */
const PASSLIB = "$scrypt$ln=16,r=8,p=1$aM15713r3Xsvxbi31lqr1Q$nFNh2CVHVjNldFVKDHDlm4CbdRSCdEBsjjJxD+iCs5E";
const SALT = "c2FsdHNhbHRzYWx0";
const HASH = "aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNoaGFzaGhhc2g";

test("a hash that passlib wrote is the one that scrypt computes", () => {
  const parsed = parseScryptHash(PASSLIB);
  if (typeof parsed === "string") throw new Error(parsed);
  const { logN, r, p, salt, hash } = parsed;
  const computed = scryptSync("password", salt, hash.length, { N: 2 ** logN, r, p, maxmem: 256 * 1024 * 1024 });
  expect(computed.equals(hash)).toBe(true);
});

test("padding may be there or not", () => {
  expect(parseScryptHash(`$scrypt$ln=15,r=8,p=1$${SALT}$${HASH}=`)).toEqual(
    parseScryptHash(`$scrypt$ln=15,r=8,p=1$${SALT}$${HASH}`),
  );
});

test.each([
  [`$scrypt$ln=13,r=8,p=1$${SALT}$${HASH}`, "must have ln from 14 to 17"],
  [`$scrypt$ln=18,r=8,p=1$${SALT}$${HASH}`, "must have ln from 14 to 17"],
  [`$scrypt$ln=15,r=1,p=1$${SALT}$${HASH}`, "must have r of at least 8, and need at most 128 MiB"],
  [`$scrypt$ln=17,r=9,p=1$${SALT}$${HASH}`, "must have r of at least 8, and need at most 128 MiB"],
  [`$scrypt$ln=15,r=8,p=0$${SALT}$${HASH}`, "must have p from 1 to 4"],
  [`$scrypt$ln=15,r=8,p=5$${SALT}$${HASH}`, "must have p from 1 to 4"],
  [`$scrypt$ln=15,r=8,p=1$c2FsdA$${HASH}`, "must have a salt of 8 to 64 bytes"],
  [`$scrypt$ln=15,r=8,p=1$${SALT}$aGFzaA`, "must have a hash of 16 to 64 bytes"],
  [`$scrypt$ln=15,r=8$${SALT}$${HASH}`, "must look like $scrypt$ln=15,r=8,p=1$salt$hash, both in base64"],
  [`$argon2id$v=19$m=65536,t=3,p=4$${SALT}$${HASH}`, "must look like $scrypt$ln=15,r=8,p=1$salt$hash, both in base64"],
])("%s is refused: a check must be neither cheap nor ruinous", (phc, reason) => {
  expect(parseScryptHash(phc)).toBe(reason);
});
