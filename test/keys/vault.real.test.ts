/**
 * The same against a real Vault or OpenBao, where there is one: `bao` or `vault` on PATH. Elsewhere these are skipped: the fake of `fake-vault.ts` speaks the same API.
 */
import { compactVerify, createLocalJWKSet } from "jose";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { DAY, HOUR } from "../../src/time/clock.js";
import { createVaultKeyRing } from "../../src/keys/vault-key-ring.js";
import { createVaultTransit } from "../../src/keys/vault-transit.js";
import { accepting, freePort } from "../support/free-port.js";
import { skipped, tool } from "../support/tool.js";
import { quietLog } from "../support/quiet-log.js";

const program = ["bao", "vault"].map((name) => tool(name)).find(({ missing }) => !missing);
const reason = program === undefined ? skipped("no bao and no vault: from openbao.org or vaultproject.io") : "";
const policy = { rotateEveryMs: 30 * DAY, publishAheadMs: 1000, accessTtlMs: HOUR, sessionTtlMs: DAY };

let url = "";
let stop = async (): Promise<void> => {};

async function api(path: string, body: object = {}): Promise<void> {
  const headers = { "x-vault-token": "root" };
  const response = await fetch(`${url}/v1/${path}`, { method: "POST", headers, body: JSON.stringify(body) });
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
}

beforeAll(async () => {
  if (program === undefined) return;
  const port = await freePort();
  url = `http://127.0.0.1:${port}`;
  const home = await mkdtemp(join(tmpdir(), "icemint-vault-"));
  const args = ["server", "-dev", "-dev-root-token-id=root", `-dev-listen-address=127.0.0.1:${port}`];
  const server = spawn(program.path, args, { stdio: "ignore", env: { ...process.env, HOME: home } });
  stop = async () => {
    server.kill("SIGKILL");
    await once(server, "exit");
  };
  await accepting(port, 15_000);
  await vi.waitFor(() => api("sys/mounts/transit", { type: "transit" }), { timeout: 15_000 });
});

afterAll(() => stop());

describe.skipIf(program === undefined)(`a real Vault or OpenBao${reason}`, () => {
  test.each([
    ["ecdsa-p256", "ES256", "ES256"],
    ["ecdsa-p384", "ES256", "ES384"],
    ["ed25519", "ES256", "EdDSA"],
    ["rsa-2048", "ES256", "RS256"],
    ["rsa-2048", "PS256", "PS256"],
  ] as const)(
    "has a transit key of type %s that, with %s in the settings, signs %s",
    async (type, preferred, algorithm) => {
      const name = `tokens-${type}-${preferred}`;
      await api(`transit/keys/${name}`, { type });
      const tokenFile = join(await mkdtemp(join(tmpdir(), "icemint-vault-")), "token");
      await writeFile(tokenFile, "root");
      const transit = createVaultTransit({ url, mount: "transit", key: name, tokenFile, fetch, clock: Date.now });
      const log = quietLog;
      const ring = await createVaultKeyRing({ transit, algorithm: preferred, policy, clock: Date.now, log });
      const verifies = async (): Promise<string> => {
        const signer = ring.signer();
        const header = Buffer.from(JSON.stringify({ kid: signer.kid, alg: signer.algorithm })).toString("base64url");
        const keys = ring.published().keys.map((key) => ({ ...key }));
        await compactVerify(`${header}.e30.${await signer.sign(`${header}.e30`)}`, createLocalJWKSet({ keys }));
        return signer.kid;
      };
      expect(ring.signer().algorithm).toBe(algorithm);
      const first = await verifies();
      await api(`transit/keys/${name}/rotate`);
      await ring.refresh();
      expect(ring.published().keys).toHaveLength(2);
      expect(await verifies()).toBe(first);
      await expect.poll(verifies, { timeout: 5000, interval: 100 }).not.toBe(first);
    },
  );
});
