/** What a person reads at the start. */
import { describe, expect, test } from "vitest";
import { startText } from "../../src/cli/start-text.js";
import type { StorageTrouble } from "../../src/storage/storage.js";
import { privateKeyPem } from "../config/key-material.js";
import { SEALING_KEY, read } from "../config/settings.js";

const HERE = { host: "127.0.0.1", port: 8181 };

interface Start {
  readonly yaml: string;
  readonly storageState?: "up" | "down";
  readonly trouble?: StorageTrouble;
  readonly keysLoaded?: boolean;
}

const WITH_REDIS = "issuer: https://tokens.example.com\nredis: { url: redis://redis:6379 }\n";

function printed({ yaml, storageState = "up", trouble, keysLoaded = true }: Start): string {
  const config = read({
    yaml,
    env: { ICEMINT_SEALING_KEY: SEALING_KEY },
    files: { "/k.pem": privateKeyPem(), "/token": "t" },
  });
  const storageHealth = { state: storageState, trouble, warnings: [] };
  const app = { address: HERE, adminAddress: HERE, storageHealth, keysLoaded };
  return startText({ config, app, version: "0", demoSecret: undefined });
}

const stateOf = (start: Start): string | undefined => /^ {2}state +(.*)$/m.exec(printed(start))?.[1];

describe("the state row of the start", () => {
  test("names the store and where the keys come from", () => {
    expect(stateOf({ yaml: "" })).toBe("memory, for one replica");
    expect(stateOf({ yaml: WITH_REDIS })).toBe("redis, keys shared and rotating");
    expect(stateOf({ yaml: `${WITH_REDIS}keys: { files: [/k.pem] }` })).toBe("redis, keys from files");
    const vault = "keys: { vault: { url: https://vault, key: icemint, token_file: /token } }";
    expect(stateOf({ yaml: `${WITH_REDIS}${vault}` })).toBe("redis, keys in Vault");
  });

  test("says that Redis does not answer, and whether there is a key to sign with", () => {
    const yaml = `${WITH_REDIS}keys: { cache_file: /cache }`;
    expect(stateOf({ yaml, storageState: "down" })).toBe(
      "redis, which does not answer: keys from keys.cache_file, no refresh tokens, no revoking",
    );
    expect(stateOf({ yaml: WITH_REDIS, storageState: "down", keysLoaded: false })).toBe(
      "redis, which does not answer: no keys, no refresh tokens, no revoking",
    );
  });

  test("says why, in the words of Redis or of the connection", () => {
    const refused: StorageTrouble = { kind: "login_rejected", reason: "WRONGPASS invalid username-password pair" };
    expect(stateOf({ yaml: WITH_REDIS, storageState: "down", trouble: refused, keysLoaded: false })).toBe(
      "redis, which does not answer (login_rejected: WRONGPASS invalid username-password pair): no keys, no refresh tokens, no revoking",
    );
    expect(stateOf({ yaml: WITH_REDIS, trouble: { kind: "full", reason: "OOM command not allowed" } })).toBe(
      "redis, which refuses a part of its work (full: OOM command not allowed)",
    );
  });
});

test("keys that are made for this run are warned of, keys in Vault are not", () => {
  const warning = "signing keys are made for this run";
  expect(printed({ yaml: "" })).toContain(warning);
  expect(printed({ yaml: "keys: { vault: { url: https://vault, key: k, token_file: /token } }" })).not.toContain(
    warning,
  );
});
