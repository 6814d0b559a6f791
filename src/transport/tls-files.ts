import { readFile } from "node:fs/promises";
import { createSecureContext } from "node:tls";
import type { TlsFiles } from "../config/config.js";
import { createFingerprint } from "../files/fingerprint.js";
import { watchFiles } from "../files/watch.js";
import type { Logger } from "../telemetry/logger.js";

/** A certificate with its key, in PEM. */
export interface CertificatePair {
  readonly cert: Buffer;
  readonly key: Buffer;
}

/** Rejects if the files are unusable or do not belong together. */
export async function readCertificate(files: TlsFiles): Promise<CertificatePair> {
  const [cert, key] = await Promise.all([readFile(files.certFile), readFile(files.keyFile)]);
  createSecureContext({ cert, key });
  return { cert, key };
}

export interface CertificateWatch {
  readonly files: TlsFiles;
  readonly started: CertificatePair;
  readonly onChange: (pair: CertificatePair) => void;
  readonly logger: Logger;
  readonly intervalMs?: number;
}

/** Calls `onChange` with each usable pair that differs from the one before. */
export function watchCertificate({ files, started, onChange, logger, intervalMs }: CertificateWatch): Disposable {
  const closing = new AbortController();
  let good = started;
  const reload = async () => {
    try {
      const pair = await readCertificate(files);
      if (pair.cert.equals(good.cert) && pair.key.equals(good.key)) return;
      onChange(pair);
      good = pair;
      logger.info("the TLS certificate was reloaded");
    } catch (error) {
      logger.warn("the TLS certificate has changed but cannot be used; the old one stays", { err: error });
    }
  };
  watchFiles({
    fingerprint: createFingerprint({ clock: () => Date.now() }),
    targets: () => ({ files: [files.certFile, files.keyFile] }),
    onChange: reload,
    onFault: (error) => logger.fault("settings", error),
    signal: closing.signal,
    intervalMs,
  });
  return { [Symbol.dispose]: () => closing.abort() };
}
