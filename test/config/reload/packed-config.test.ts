import { Buffer } from "node:buffer";
import { expect, test } from "vitest";
import type { Config } from "../../../src/config/config.js";
import { packConfig, unpackConfig } from "../../../src/config/reload/packed-config.js";
import { DIGEST, SEALING_KEY, client, read, withClients } from "../settings.js";

/** Settings with everything that a client can have. */
const full: Config = read({
  yaml: [
    withClients(client("a"), client("b", "grants: [client_credentials], scopes: { allowed: [catalog, x] }")),
    `  - { id: c, name: Ç, secrets: [{ sha256: ${DIGEST}, expires: 2030-01-01T00:00:00Z }], claims: { deep: [{ er: 1 }] } }`,
    '  - { id: d, secrets: [{ scrypt: "$scrypt$ln=15,r=8,p=1$c2FsdHNhbHRzYWx0c2FsdA$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNoaGFzaGhhc2g" }] }',
    "  - { id: e, jwks_uri: https://e.example.com/jwks, permissions: [revoke], may_act_for: [a], disabled: true }",
    "issuer: https://tokens.example.com",
    "redis: { url: redis://127.0.0.1:6379 }",
  ].join("\n"),
  env: { ICEMINT_SEALING_KEY: SEALING_KEY },
});

test("settings come out of their packing as they went in", async () => {
  const unpacked = await unpackConfig(packConfig(full));
  expect(unpacked).toStrictEqual(full);
  expect(unpacked.keys.sealingKeys[0]).toBeInstanceOf(Buffer);
});

test("and frozen, however deep", async () => {
  const { tokens, clients } = await unpackConfig(packConfig(full));
  for (const value of [tokens, clients, clients[0], clients[2]?.claims["deep"], clients[0]?.audiences.default]) {
    expect(Object.isFrozen(value)).toBe(true);
  }
});

test("many clients come in their order, and what they have alike is kept once for many of them", async () => {
  const many = Array.from({ length: 2001 }, (_, at) => client(`c${at}`, `scopes: { allowed: [s${at % 2}] }`));
  const config = read({ yaml: withClients(...many) });
  const { clients } = await unpackConfig(packConfig(config));
  expect(clients).toStrictEqual(config.clients);
  expect(new Set(clients.map(({ scopes }) => scopes)).size).toBeLessThanOrEqual(10);
  expect(new Set(clients.map(({ claims }) => claims)).size).toBeLessThanOrEqual(5);
});

test("what is spelt alike but means something else stays what it is", async () => {
  const yaml = withClients(
    client("a", "claims: { allowed: [set, catalog], default: [catalog] }"),
    client("b", "scopes: { allowed: [catalog], default: [catalog] }"),
    client("c", "claims: { allowed: [catalog], default: [catalog] }"),
  );
  const config = read({ yaml });
  expect((await unpackConfig(packConfig(config))).clients).toStrictEqual(config.clients);
});
