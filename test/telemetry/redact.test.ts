import { describe, expect, it } from "vitest";
import { redactSecrets } from "../../src/telemetry/redact.js";
import { fairNow } from "../support/fair-time.js";

const JWT = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl-_";

describe("redaction by shape", () => {
  it.each([
    ["a signed JWT", `token ${JWT} expired`, "token [redacted] expired"],
    ["an unsecured JWT", "subject eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.", "subject [redacted]"],
    ["half a JWT", "got eyJhbGciOiJub25lIn0.eyJz", "got [redacted]"],
    ["a generated secret", "secret icm_AbCdEfGh0123-_x!", "secret [redacted]!"],
    ["a refresh token", "used icr_AbCdEfGhIjKlMnOpQrStUv.12.AbCd-_ again", "used [redacted] again"],
    ["Basic credentials", "header Basic c3Bhcms6aHVudGVyMg==", "header Basic [redacted]"],
    ["a Bearer token", "bearer abcdefgh.ijkl", "bearer [redacted]"],
    ["a password in a URL", "connect redis://app:hunter2@redis:6379/0", "connect redis://app:[redacted]@redis:6379/0"],
    ["a password alone in a URL", "rediss://:p%40ss@h", "rediss://:[redacted]@h"],
    ["a private key", "-----BEGIN PRIVATE KEY-----\nMIG\n-----END PRIVATE KEY----- left", "[redacted] left"],
    ["a private key that was cut", "x -----BEGIN EC PRIVATE KEY-----\nMIG", "x [redacted]"],
  ])("takes out %s", (_, text, safe) => {
    expect(redactSecrets(text)).toBe(safe);
  });

  it("leaves addresses, ids and scopes alone", () => {
    const text = "https://tokens.example.com:8181/v1 client spark-etl PRINCIPAL_ROLE:ALL [::1]:6379 user@example.com";
    expect(redactSecrets(text)).toBe(text);
  });

  it("takes time in proportion to the text", () => {
    const started = fairNow();
    redactSecrets("eyJaaaaa".repeat(1000));
    redactSecrets("//".repeat(4000));
    redactSecrets("Basic ".repeat(1500));
    expect(fairNow() - started).toBeLessThan(500);
  });
});
