/**
 * Reads keys, certificates and JWK Sets of the settings by the code that the start reads them with: a file that a server
 * could not use is a problem of the settings, under the name of the setting. It says nothing of what is in a file.
 */
import { X509Certificate, createPrivateKey } from "node:crypto";
import { createSecureContext } from "node:tls";
import { readJwks } from "../jwt/jwk-set.js";
import { readKeyFile } from "../keys/key-file.js";
import type { Config, RedisTlsSettings, TlsFiles } from "./config.js";
import type { FoundIssuer } from "./issuers/read.js";
import type { ConfigDisk } from "./reading/disk.js";
import { type Findings, type Spot, inside } from "./reading/problem.js";

export interface MaterialSources {
  readonly disk: ConfigDisk;
  readonly findings: Findings;
  /** The settings file's root. */
  readonly root: Spot;
}

/** Checks what is fixed at the start. A file that is not there has been reported. */
export function checkMaterial(
  { keys, http, redis }: Pick<Config, "keys" | "http" | "redis">,
  sources: MaterialSources,
): void {
  const { root } = sources;
  checkKeyFiles(keys, sources);
  if (http.tls !== undefined) checkPair(http.tls, inside(root, "http", "tls"), sources);
  if (keys.vault !== undefined)
    checkNotEmpty(keys.vault.tokenFile, inside(root, "keys", "vault", "token_file"), sources);
  checkRedisTls(redis?.tls, inside(root, "redis", "tls"), sources);
  if (redis?.topology.kind === "sentinel" && redis.topology.tls !== redis.tls) {
    checkRedisTls(redis.topology.tls, inside(root, "redis", "sentinel", "tls"), sources);
  }
}

/** Checks the files of trusted issuers. */
export function checkIssuerFiles(issuers: readonly FoundIssuer[], sources: MaterialSources): void {
  for (const { issuer, spot } of issuers) {
    if (issuer.keys.kind === "file")
      checkJwks(issuer.keys.path, issuer.trustDomain, inside(spot, "jwks_file"), sources);
    checkCertificates(issuer.caFile, inside(spot, "ca_file"), sources);
    if (issuer.tokenFile !== undefined) checkNotEmpty(issuer.tokenFile, inside(spot, "token_file"), sources);
  }
}

function checkKeyFiles({ files, algorithm }: Config["keys"], sources: MaterialSources): void {
  const kids = new Map<string, number>();
  for (const [index, path] of files.entries()) {
    const spot = inside(sources.root, "keys", "files", index);
    const text = readIfThere(path, sources);
    if (text === undefined) continue;
    const key = attempt(() => readKeyFile(text, algorithm), spot, sources);
    if (key === undefined) continue;
    const first = kids.get(key.publicJwk.kid);
    if (first !== undefined) sources.findings.problem(spot, `holds the same key as keys.files[${first}]`);
    kids.set(key.publicJwk.kid, index);
    if (index === 0 && key.signer === undefined) {
      sources.findings.problem(spot, "holds a public key: the first file must hold the private key that signs");
    }
  }
}

function checkJwks(path: string, trustDomain: string | undefined, spot: Spot, sources: MaterialSources): void {
  const text = readIfThere(path, sources);
  if (text === undefined) return;
  const keys = attempt(() => readJwks(parseJson(text), trustDomain === undefined ? "sig" : "jwt-svid"), spot, sources);
  if (keys === undefined && isJson(text))
    sources.findings.problem(spot, 'names a file that is no JWK Set: {"keys": [...]}');
  if (keys?.length === 0)
    sources.findings.warning(spot, "names a JWK Set without a key that can verify: every token is refused");
}

function checkPair({ certFile, keyFile }: TlsFiles, spot: Spot, sources: MaterialSources): void {
  const [cert, key] = [readIfThere(certFile, sources), readIfThere(keyFile, sources)];
  const { findings } = sources;
  if (cert !== undefined && !isCertificate(cert))
    findings.problem(inside(spot, "cert_file"), "names a file that is no certificate in PEM");
  if (key !== undefined && !isPrivateKey(key)) {
    const reason = key.includes("ENCRYPTED")
      ? "is protected by a passphrase: store it without one"
      : "names a file that is no private key in PEM";
    findings.problem(inside(spot, "key_file"), reason);
  }
  if (cert === undefined || key === undefined || !isCertificate(cert) || !isPrivateKey(key)) return;
  if (!new X509Certificate(cert).checkPrivateKey(createPrivateKey(key))) {
    findings.problem(inside(spot, "key_file"), "holds the key of another certificate than cert_file");
    return;
  }
  attempt(() => createSecureContext({ cert, key }), spot, sources, "cannot be used for TLS");
}

function checkRedisTls(tls: RedisTlsSettings | undefined, spot: Spot, sources: MaterialSources): void {
  if (tls === undefined) return;
  checkCertificates(tls.caFile, inside(spot, "ca_file"), sources);
  if (tls.certFile !== undefined && tls.keyFile !== undefined) {
    checkPair({ certFile: tls.certFile, keyFile: tls.keyFile }, spot, sources);
  }
}

function checkCertificates(path: string | undefined, spot: Spot, sources: MaterialSources): void {
  const text = path === undefined ? undefined : readIfThere(path, sources);
  if (text !== undefined && !isCertificate(text))
    sources.findings.problem(spot, "names a file that is no certificate in PEM");
}

function checkNotEmpty(path: string, spot: Spot, sources: MaterialSources): void {
  const text = readIfThere(path, sources);
  if (text !== undefined && text.trim() === "") sources.findings.problem(spot, "names a file that is empty");
}

function readIfThere(path: string, { disk }: MaterialSources): string | undefined {
  try {
    return disk.read(path);
  } catch {
    return undefined;
  }
}

/** The reasons of what is tried here quote no file. */
function attempt<T>(work: () => T, spot: Spot, { findings }: MaterialSources, otherwise?: string): T | undefined {
  try {
    return work();
  } catch (error) {
    findings.problem(
      spot,
      otherwise ?? `names a file that ${error instanceof Error ? error.message : "cannot be used"}`,
    );
    return undefined;
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error("is not JSON");
  }
}

function isJson(text: string): boolean {
  return succeeds(() => JSON.parse(text));
}

function isCertificate(text: string): boolean {
  return succeeds(() => new X509Certificate(text));
}

function isPrivateKey(text: string): boolean {
  return succeeds(() => createPrivateKey(text));
}

function succeeds(work: () => unknown): boolean {
  try {
    work();
    return true;
  } catch {
    return false;
  }
}
