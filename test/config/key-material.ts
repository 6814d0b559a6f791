/** Keys and certificates as files of settings, made for each test file. */
import { execFileSync } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export function privateKeyPem(): string {
  return generateKeyPairSync("ec", { namedCurve: "P-256" })
    .privateKey.export({ type: "pkcs8", format: "pem" })
    .toString();
}

/** A self-signed certificate for a private key. */
export function certificateFor(key: string): string {
  const folder = mkdtempSync(join(tmpdir(), "icemint-certificate-"));
  const file = join(folder, "key.pem");
  try {
    writeFileSync(file, key);
    const args = ["req", "-x509", "-key", file, "-days", "2", "-subj", "/CN=test"];
    return execFileSync("openssl", args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  } finally {
    rmSync(folder, { recursive: true });
  }
}
