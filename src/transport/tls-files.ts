import { readFile, stat } from "node:fs/promises";
import { createSecureContext } from "node:tls";
import type { TlsFiles } from "../config/config.js";
import type { Logger } from "../telemetry/logger.js";

/** A certificate with its key, in PEM. */
export interface CertificatePair {
  readonly cert: Buffer;
  readonly key: Buffer;
}

/** Reads the pair and checks that it is usable and belongs together. Rejects if not. */
export async function readCertificate(files: TlsFiles): Promise<CertificatePair> {
  const [cert, key] = await Promise.all([readFile(files.certFile), readFile(files.keyFile)]);
  createSecureContext({ cert, key });
  return { cert, key };
}

/** What is watched, and who is told. */
export interface CertificateWatch {
  readonly files: TlsFiles;
  readonly onChange: (pair: CertificatePair) => void;
  readonly logger: Logger;
  readonly intervalMs?: number;
}

/**
 * Looks at the files every 2 s and hands on each good pair. By polling: Kubernetes renews a mounted secret by swapping
 * a link two folders up, which file notifications miss. A pair that is half written changes once more when it is whole.
 */
export function watchCertificate({ files, onChange, logger, intervalMs = 2000 }: CertificateWatch): Disposable {
  let seen = fingerprint(files);
  const look = async () => {
    const before = await seen;
    seen = fingerprint(files);
    if ((await seen) === before) return;
    try {
      onChange(await readCertificate(files));
      logger.info("the TLS certificate was reloaded");
    } catch (error) {
      logger.warn("the TLS certificate has changed but cannot be used; the old one stays", { err: error });
    }
  };
  const timer = setInterval(() => void look(), intervalMs).unref();
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

async function fingerprint({ certFile, keyFile }: TlsFiles): Promise<string> {
  const marks = await Promise.all([certFile, keyFile].map(async (file) => stat(file).catch(() => undefined)));
  return marks.map((mark) => `${mark?.ino}:${mark?.mtimeMs}:${mark?.size}`).join();
}
