/** A token source and a verifier, as services use them, against the built server. */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { type AddressInfo, type Socket, connect, createServer } from "node:net";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { createTokenSource } from "../../src/client/client.js";
import { type Verifier, createVerifier } from "../../src/verifier/verifier.js";
import { eventually } from "../support/eventually.js";
import { ServerProcess } from "../support/server-process.js";

const AUDIENCE = "https://catalog.example.com";
const secretOf = (id: string): string => `a-secret-of-${id}-alone-0123456789`;
const client = (id: string, permissions: readonly string[] = []): object => ({
  id,
  secrets: [{ sha256: createHash("sha256").update(secretOf(id)).digest("hex") }],
  scopes: { allowed: ["catalog"], default: ["catalog"] },
  audiences: { allowed: [AUDIENCE], default: [AUDIENCE] },
  permissions,
});
const settings = {
  clients: [client("orders"), client("catalog", ["watch_revocations"]), client("operator", ["revoke"])],
};
const credential = (id: string) => ({ clientId: id, clientSecret: secretOf(id) });

let server: ServerProcess;
beforeAll(async () => {
  server = await ServerProcess.start({ settings });
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

function verifierOf(url: string, issuer: string): Verifier {
  const verifier = createVerifier({ server: url, issuer, audience: AUDIENCE, ...credential("catalog") });
  onTestFinished(() => verifier.close());
  return verifier;
}

function sourceOf(url: string) {
  const source = createTokenSource({ server: url, ...credential("orders"), scope: "catalog", audience: AUDIENCE });
  onTestFinished(() => source.close());
  return source;
}

async function faultOf(verifier: Verifier, token: string): Promise<string> {
  return await verifier.verify(token).then(
    () => "accepted",
    (error: unknown) => String((error as { fault?: unknown }).fault),
  );
}

async function revoke(url: string, token: string): Promise<void> {
  const body = new URLSearchParams({ token, client_id: "operator", client_secret: secretOf("operator") });
  const { status } = await fetch(`${url}/v1/oauth/revoke`, { method: "POST", body });
  expect(status).toBe(200);
}

test("a token of the source is accepted by the verifier, and says what it holds", async () => {
  const verifier = verifierOf(server.url, server.url);
  await verifier.ready();
  expect(await verifier.verify(await sourceOf(server.url).token(), { scopes: ["catalog"] })).toMatchObject({
    subject: "orders",
    clientId: "orders",
    audience: [AUDIENCE],
  });
});

test("a revoked token is refused within a second, and the source's next one is accepted", async () => {
  const verifier = verifierOf(server.url, server.url);
  const source = sourceOf(server.url);
  await verifier.ready();
  const token = await source.token();
  expect(await faultOf(verifier, token)).toBe("accepted");
  await revoke(server.url, token);
  await eventually("it is refused", async () => (await faultOf(verifier, token)) === "revoked", 1000);
  expect(source.invalidate(token)).toBe(true);
  expect(await faultOf(verifier, await source.token())).toBe("accepted");
});

test("a client without the permission never gets ready, and learns why", async () => {
  const verifier = createVerifier({ server: server.url, audience: AUDIENCE, ...credential("orders") });
  onTestFinished(() => verifier.close());
  await eventually("the server has refused", async () => {
    const error: unknown = await verifier.ready(50).catch((thrown: unknown) => thrown);
    return String((error as Error).cause).includes("permission_denied");
  });
});

describe("a server that is killed and started again on its port", () => {
  test("is found again by both, with the keys and revocations that it then has", async () => {
    const first = await ServerProcess.start({ settings });
    const listen = new URL(first.url).host;
    const source = sourceOf(first.url);
    const verifier = verifierOf(first.url, first.url);
    await verifier.ready();
    const token = await source.token();
    await revoke(first.url, token);
    await eventually("it is refused", async () => (await faultOf(verifier, token)) === "revoked");
    await first[Symbol.asyncDispose]();
    await using second = await ServerProcess.start({ settings, env: { ICEMINT_LISTEN: listen } });
    source.invalidate(token);
    const next = await source.token();
    expect(second.pid).not.toBe(first.pid);
    // State in memory: the keys are others, and the cursor is gone.
    await eventually("the next token is accepted", async () => (await faultOf(verifier, next)) === "accepted", 10_000);
    await revoke(first.url, next);
    await eventually("it is refused", async () => (await faultOf(verifier, next)) === "revoked");
  });
});

/** A way to the server that can be cut without a word, as a firewall does. */
async function startPipe(target: string) {
  const { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();
  let isDead = false;
  const pipe = createServer((near) => {
    const far = connect(Number(port), hostname);
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      from.on("data", (chunk) => isDead || to.write(chunk));
      from.on("error", () => {});
      from.on("close", () => to.destroy());
    }
  }).listen(0, "127.0.0.1");
  await once(pipe, "listening");
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    pipe.close();
  });
  return {
    url: `http://127.0.0.1:${(pipe.address() as AddressInfo).port}`,
    cut: () => void (isDead = true),
    mend: () => void (isDead = false),
    connections: () => [...sockets].filter((socket) => !socket.destroyed).length / 2,
  };
}

test("a stream that has gone silent is noticed by its missing heartbeats, and opened again", async () => {
  const pipe = await startPipe(server.url);
  const problems: string[] = [];
  const verifier = createVerifier({
    server: pipe.url,
    issuer: server.url,
    audience: AUDIENCE,
    ...credential("catalog"),
    onProblem: (problem) => problems.push(String(problem)),
  });
  onTestFinished(() => verifier.close());
  await verifier.ready();
  const token = await sourceOf(server.url).token();
  pipe.cut();
  await revoke(server.url, token);
  await eventually("the silence is noticed", () => problems.some((text) => text.includes("nothing came")), 18_000);
  pipe.mend();
  await eventually("the revocation is known", async () => (await faultOf(verifier, token)) === "revoked", 10_000);
}, 40_000);

test("a closed verifier and a closed source leave no connection open", async () => {
  const pipe = await startPipe(server.url);
  const verifier = createVerifier({ server: pipe.url, audience: AUDIENCE, ...credential("catalog") });
  const source = createTokenSource({ server: pipe.url, ...credential("orders") });
  await Promise.all([verifier.ready(), source.token()]);
  expect(pipe.connections()).toBeGreaterThan(0);
  await Promise.all([verifier.close(), source.close()]);
  await eventually("all connections end", () => pipe.connections() === 0, 1000);
});
