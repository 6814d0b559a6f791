/** One certificate that is the authority, the servers and the clients of a test's Redis. */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { redisProgram } from "./redis-server.js";

/** Why suites over TLS are skipped, to follow their names; empty if they are not. Small builds have no TLS. */
export function noRedisTls(): string {
  // Without a certificate the server ends at once, and says why.
  const { stdout, stderr } = spawnSync(redisProgram(), ["--port", "0", "--tls-port", "1"], { encoding: "utf8" });
  const hasTls = !/Missing implement of connection type tls|Bad directive/.test(stdout + stderr);
  return hasTls ? "" : " (skipped: the Redis on the PATH was built without TLS)";
}

/** Its files, as icemint's settings name them. */
export interface RedisTls extends Disposable {
  readonly caFile: string;
  readonly certFile: string;
  readonly keyFile: string;
  readonly servername: undefined;
}

export function makeRedisTls(): RedisTls {
  const folder = mkdtempSync(join(tmpdir(), "icemint-tls-"));
  const [certFile, keyFile] = [join(folder, "cert.pem"), join(folder, "key.pem")];
  const subject = ["-subj", "/CN=icemint test", "-addext", "subjectAltName=IP:127.0.0.1"];
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", keyFile];
  execFileSync("openssl", ["req", "-x509", "-days", "1", ...key, "-out", certFile, ...subject], { stdio: "ignore" });
  return {
    caFile: certFile,
    certFile,
    keyFile,
    servername: undefined,
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** What a server that asks for client certificates needs in its configuration: name, value, name, value. */
export function tlsConfig({ caFile, certFile, keyFile }: RedisTls, port: number): readonly string[] {
  const files = ["tls-cert-file", certFile, "tls-key-file", keyFile, "tls-ca-cert-file", caFile];
  return ["tls-port", String(port), ...files, "tls-auth-clients", "yes"];
}

/** The same for a client of ours. */
export function tlsClient({ caFile, certFile, keyFile }: RedisTls) {
  return { ca: readFileSync(caFile), cert: readFileSync(certFile), key: readFileSync(keyFile) };
}
