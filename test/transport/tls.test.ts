/** TLS: both HTTP versions by ALPN, and a certificate that is renewed while the server runs. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { once } from "node:events";
import http2 from "node:http2";
import https from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import tls from "node:tls";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startServer, tokenRequest, type TestServer } from "./support/fake-core.js";

const folder = mkdtempSync(join(tmpdir(), "icemint-tls-"));
const files = { certFile: join(folder, "tls.crt"), keyFile: join(folder, "tls.key") };

/** Writes a self-signed pair in place of the last one. */
function makeCertificate(name: string): void {
  const next = { cert: join(folder, "next.crt"), key: join(folder, "next.key") };
  const subject = ["-subj", `/CN=${name}`, "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"];
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-keyout", next.key, "-nodes"];
  execFileSync("openssl", ["req", "-x509", ...key, "-out", next.cert, "-days", "2", ...subject], { stdio: "ignore" });
  renameSync(next.key, files.keyFile);
  renameSync(next.cert, files.certFile);
}

let running: TestServer;
beforeAll(async () => {
  makeCertificate("first");
  running = await startServer({
    http: {
      tokenPaths: [],
      trustedProxies: [],
      corsOrigins: [],
      tls: files,
      reflection: true,
      maxConnectionAgeMs: 1e9,
    },
  });
});
afterAll(async () => {
  await running.server.close();
  rmSync(folder, { recursive: true });
});

async function commonName(): Promise<string> {
  const socket = tls.connect({ port: running.port, host: "127.0.0.1", rejectUnauthorized: false });
  await once(socket, "secureConnect");
  const { CN } = socket.getPeerCertificate().subject;
  socket.destroy();
  return String(CN);
}

describe("under TLS", () => {
  test("HTTP/1.1 is spoken to a client that knows nothing else", async () => {
    const request = https.get(`https://127.0.0.1:${running.port}/errors`, { rejectUnauthorized: false });
    const [response] = await once(request, "response");
    response.resume();
    expect(response.statusCode).toBe(200);
  });

  test.each(["quick", "slow"])("a %s answer reaches a client that has closed its half", async (scope) => {
    const options = { port: running.port, host: "127.0.0.1", rejectUnauthorized: false, allowHalfOpen: true };
    const socket = tls.connect(options);
    await once(socket, "secureConnect");
    socket.cork();
    socket.end(tokenRequest({ scope }));
    socket.uncork();
    expect(await text(socket)).toMatch(/^HTTP\/1\.1 200 /);
  });

  test("HTTP/2 is spoken to a client that offers it", async () => {
    const session = http2.connect(`https://127.0.0.1:${running.port}`, { rejectUnauthorized: false });
    const stream = session.request({ ":path": "/errors" });
    const [headers] = await once(stream, "response");
    expect([headers[":status"], session.alpnProtocol]).toEqual([200, "h2"]);
    session.close();
  });

  test("cleartext gets nothing", async () => {
    await expect(fetch(`http://127.0.0.1:${running.port}/errors`)).rejects.toThrow();
  });

  test("versions before 1.2 are refused", async () => {
    const socket = tls.connect({ port: running.port, host: "127.0.0.1", maxVersion: "TLSv1.1", minVersion: "TLSv1.1" });
    await expect(once(socket, "secureConnect")).rejects.toThrow();
  });

  test("a renewed certificate is shown to new connections, and a broken one is not taken", async () => {
    expect(await commonName()).toBe("first");
    makeCertificate("second");
    await expect.poll(commonName, { timeout: 6000, interval: 200 }).toBe("second");
    writeFileSync(files.certFile, "broken");
    await new Promise((resolve) => setTimeout(resolve, 2500));
    expect(await commonName()).toBe("second");
  });
});

test("a certificate that cannot be read stops the start", async () => {
  const certFile = join(folder, "absent.crt");
  const http = { tokenPaths: [], trustedProxies: [], corsOrigins: [], reflection: true, maxConnectionAgeMs: 1e9 };
  await expect(startServer({ http: { ...http, tls: { certFile, keyFile: files.keyFile } } })).rejects.toThrow(
    /absent\.crt/,
  );
});
