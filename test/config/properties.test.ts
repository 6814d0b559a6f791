import * as fc from "fast-check";
import { expect, test } from "vitest";
import { stringify } from "yaml";
import { closest } from "../../src/config/reading/closest.js";
import { ConfigProblems } from "../../src/config/reading/problem.js";
import { VARIABLES } from "../../src/config/env.js";
import { DIGEST, problems, read } from "./settings.js";

/** Faults that do not touch one another, each with the path that must be reported for it. */
const SETTING_FAULTS: readonly (readonly [path: string, name: string, value: unknown])[] = [
  ["issuer", "issuer", "no url"],
  ["listen", "listen", 8181],
  ["admin_listen", "admin_listen", "here"],
  ["log_level", "log_level", "loud"],
  ["tokens.access_ttl", "tokens", { access_ttl: "soon" }],
  ["revocation.max_staleness", "revocation", { max_staleness: 5 }],
  ["limits.failure_burst", "limits", { failure_burst: 1 }],
  ["http.trusted_proxies[1]", "http", { trusted_proxies: ["10.0.0.0/8", "nobody"] }],
  ["shutdown.grace", "shutdown", { grace: "-1s" }],
  ["keys.algorithm", "keys", { algorithm: "none" }],
  ["nonsense", "nonsense", {}],
];
const CLIENT_FAULTS: readonly (readonly [path: string, name: string, value: unknown])[] = [
  [".secrets[0].sha256", "secrets", [{ sha256: "x" }]],
  [".grants[0]", "grants", ["password"]],
  [".scopes.allowed", "scopes", { default: [] }],
  [".claims.iss", "claims", { iss: "me" }],
  [".access_ttl", "access_ttl", "999d"],
  [".disabled", "disabled", "yes"],
  [".permissions[0]", "permissions", ["everything"]],
  [".nonsense", "nonsense", 1],
];

test("whatever is wrong together, all of it is reported, and nothing else", () => {
  const client = fc.subarray([...CLIENT_FAULTS]);
  fc.assert(
    fc.property(fc.subarray([...SETTING_FAULTS]), fc.array(client, { maxLength: 4 }), (settings, clients) => {
      const yaml = stringify({
        ...Object.fromEntries(settings.map(([, name, value]) => [name, value])),
        clients: clients.map((faults, index) => ({
          id: `client-${index}`,
          secrets: [{ sha256: `${DIGEST.slice(1)}${index}` }],
          ...Object.fromEntries(faults.map(([, name, value]) => [name, value])),
        })),
      });
      const expected = [
        ...settings.map(([path]) => path),
        ...clients.flatMap((faults, index) => faults.map(([path]) => `clients[${index}]${path}`)),
      ];
      const found = expected.length === 0 ? [] : problems({ yaml }).map((line) => line.split(" ")[0] ?? "");
      expect(found.toSorted(byText)).toEqual(expected.toSorted(byText));
    }),
  );
});

test("whatever stands in the file, it is accepted or refused with problems: nothing else is thrown", () => {
  const names = fc.constantFrom(
    ..."issuer listen redis tokens clients clients_files trusted_issuers keys http secrets id jwks scopes url use".split(
      " ",
    ),
  );
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 5 },
      fc.constant(null),
      fc.string(),
      fc.integer(),
      fc.boolean(),
      tie("list"),
      tie("map"),
    ),
    list: fc.array(tie("value"), { maxLength: 4 }),
    map: fc.dictionary(fc.oneof(names, fc.string()), tie("value"), { maxKeys: 6 }),
  }));
  fc.assert(
    fc.property(value, (settings) => {
      expectProblemsOnly(stringify(settings));
    }),
  );
  fc.assert(fc.property(fc.string({ unit: "binary" }), expectProblemsOnly));
});

test("no part of a secret is ever in what is reported, wherever it was put", () => {
  const places: readonly ((secret: string) => unknown)[] = [
    (secret) => ({ clients: [{ id: "a", secrets: [{ sha256: secret }] }] }),
    (secret) => ({ clients: [{ id: "a", secrets: [{ scrypt: secret }] }] }),
    (secret) => ({ clients: [{ id: "a", secrets: [{ env: secret }] }] }),
    (secret) => ({ clients: [{ id: "a", secrets: [{ file: secret }] }] }),
    (secret) => ({ clients: [{ id: "a", secrets: [{ secret }] }] }),
    (secret) => ({ clients: [{ id: "a", secrets: [{ [secret]: 1 }] }] }),
    (secret) => ({ clients: [{ id: "a", secrets: [secret] }] }),
    (secret) => ({ clients: [{ id: "a", secrets: secret }] }),
    (secret) => ({ clients: [{ id: "a", secret }] }),
    (secret) => ({ issuer: secret, redis: { url: `nonsense://user:${secret}@redis` } }),
  ];
  fc.assert(
    fc.property(fc.constantFrom(...places), fc.stringMatching(/^[A-Za-z]\w{23,39}$/), (place, secret) => {
      expect(problems({ yaml: stringify(place(secret)) }).join("\n")).not.toContain(secret);
    }),
  );
});

test("one slip of the finger in a variable's name is always recognised", () => {
  fc.assert(
    fc.property(fc.constantFrom(...VARIABLES), fc.nat(), fc.constantFrom("X", ""), (name, at, letter) => {
      const position = at % name.length;
      expect(closest(name.slice(0, position) + letter + name.slice(position + 1), VARIABLES)).toBe(name);
    }),
  );
});

function expectProblemsOnly(yaml: string): void {
  try {
    read({ yaml });
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigProblems);
    expect(error).toHaveProperty("problems.0");
  }
}

function byText(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
