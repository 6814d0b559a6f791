import { expect, test } from "vitest";
import { checkConfig } from "../../src/cli/check-config.js";
import { DIGEST, LONG_SECRET, NOW, memoryDisk } from "../config/settings.js";

function run(
  files: Readonly<Record<string, string>>,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
) {
  let out = "";
  let err = "";
  const code = checkConfig({
    args,
    stdout: { write: (text) => (out += text) },
    stderr: { write: (text) => (err += text) },
    env,
    disk: memoryDisk(files),
    clock: () => NOW,
  });
  return { code, out, err };
}

const GOOD = `
issuer: https://tokens.example.com
clients:
  - { id: a, secrets: [{ sha256: "${DIGEST}" }] }
  - { id: b, disabled: true }
trusted_issuers:
  - { issuer: https://idp.example.com, discovery: true, use: [client_assertion] }
`;

test("good settings are summed up, with exit code 0", () => {
  expect(run({ "/c.yaml": GOOD }, ["/c.yaml"])).toEqual({
    code: 0,
    out: "good: issuer https://tokens.example.com, state memory, 2 clients (1 disabled), 1 trusted issuer\n",
    err: "",
  });
});

test("every problem is printed with place, path, reason and example, with exit code 1", () => {
  const yaml =
    "tokens: { access_ttl: 1 hour }\nclients:\n  - { id: a, secrets: [{ sha256: short }], grants: [password] }\n";
  expect(run({ "/c.yaml": yaml }, ["/c.yaml"])).toEqual({
    code: 1,
    out: [
      "/c.yaml:1: tokens.access_ttl must be a duration: a whole number and a unit (ms, s, m, h, d), from 1s to 30d",
      "    for example: 1h",
      "/c.yaml:3: clients[0].secrets[0].sha256 must be the SHA-256 of a secret: 64 hex digits",
      `    for example: "${"9f".repeat(32)}"`,
      "/c.yaml:3: clients[0].grants[0] must be one of client_credentials, token_exchange, refresh_token, jwt_bearer",
      "    for example: client_credentials",
      "3 problems",
      "",
    ].join("\n"),
    err: "",
  });
});

test("warnings are printed and change no exit code", () => {
  const yaml = `clients:\n  - { id: a, secrets: [{ sha256: "${DIGEST}" }], scopes: { allowed: [orders.read] } }\n`;
  const { code, out } = run({ "/c.yaml": yaml }, ["/c.yaml"]);
  expect(code).toBe(0);
  expect(out).toContain("warning: /c.yaml: clients[0].scopes.allowed: lacks catalog");
});

test("far from the deployment, secrets that are not there are only warnings", () => {
  const yaml =
    "issuer: https://t.example.com\nredis: { url: redis://r }\nclients: [{ id: a, secrets: [{ env: A }, { file: a }] }]\n";
  const files = { "/c.yaml": yaml };
  expect(run(files, ["/c.yaml"]).out).toMatch(/^3 problems$/m);
  const { code, out } = run(files, ["--without-secrets", "/c.yaml"]);
  expect(code).toBe(0);
  expect(out.match(/^warning: /gm)).toHaveLength(3);
  expect(run(files, ["--without-secrets", "/c.yaml"], { A: "short" }).code).toBe(1);
  expect(run(files, ["--without-secrets", "/c.yaml"], { A: LONG_SECRET }).code).toBe(0);
});

test("the file may be named by ICEMINT_CONFIG", () => {
  expect(run({ "/c.yaml": GOOD }, [], { ICEMINT_CONFIG: "/c.yaml" }).code).toBe(0);
});

test.each([[[]], [["a", "b"]], [["--nonsense"]]])(
  "wrong arguments %j are answered with the usage and exit code 2",
  (args) => {
    const { code, out, err } = run({}, args);
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err).toMatch(/^usage: icemint check-config/);
  },
);
