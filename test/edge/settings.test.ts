import { describe, expect, test } from "vitest";
import { stringify } from "yaml";
import { ConfigProblems } from "../../src/config/reading/problem.js";
import { readEdgeSettings } from "../../src/edge/settings/read.js";

const FILE = "/etc/icemint/edge.yaml";
const TOKENS = [
  {
    name: "lake",
    scope: "catalog",
    audience: "https://catalog.example.com",
    file: "/run/icemint/lake.token",
    mode: "0640",
  },
];
const WHOLE = {
  server: "https://tokens.example.com/",
  credential: { jwt_file: "/var/run/secrets/tokens/icemint" },
  outbound: { listen: "127.0.0.1:8190", tokens: TOKENS },
  inbound: {
    ext_authz: "127.0.0.1:8191",
    forward_auth: "127.0.0.1:8192",
    audience: "https://catalog.example.com",
    path_header: "X-Forwarded-Uri",
    rules: [{ path: "/v1/admin/*", scopes: ["admin"] }],
    max_staleness: "5m",
    when_stale: "allow",
  },
  admin: "127.0.0.1:9465",
};

function read(settings: object) {
  return readEdgeSettings(FILE, { read: () => stringify(settings), exists: () => true, list: () => [] });
}

function problems(settings: object): readonly string[] {
  try {
    read(settings);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigProblems)) throw error;
    return error.problems.map(({ path, reason }) => `${path} ${reason}`.trim());
  }
}

describe("the settings of an edge", () => {
  test("are read whole", () => {
    expect(read(WHOLE)).toEqual({
      server: "https://tokens.example.com",
      tokenPath: "/v1/oauth/tokens",
      credential: { kind: "jwt", clientId: undefined, file: "/var/run/secrets/tokens/icemint" },
      outbound: {
        listen: { kind: "tcp", host: "127.0.0.1", port: 8190 },
        hosts: [],
        secretFile: undefined,
        tokens: [
          {
            name: "lake",
            scope: "catalog",
            audience: ["https://catalog.example.com"],
            resource: [],
            file: "/run/icemint/lake.token",
            mode: 0o640,
          },
        ],
      },
      inbound: {
        extAuthz: { host: "127.0.0.1", port: 8191 },
        forwardAuth: { host: "127.0.0.1", port: 8192 },
        issuer: "https://tokens.example.com",
        audience: "https://catalog.example.com",
        pathHeader: "x-forwarded-uri",
        rules: [{ path: "/v1/admin/*", scopes: ["admin"] }],
        maxStalenessMs: 300_000,
        whenStale: "allow",
        strip: false,
      },
      admin: { host: "127.0.0.1", port: 9465 },
    });
  });

  test.each([
    [
      { ...WHOLE, server: "http://tokens.example.com" },
      "server must be https, or http on loopback, without query and fragment",
    ],
    [
      { ...WHOLE, outbound: undefined, inbound: undefined },
      "holds neither outbound nor inbound: the edge would do nothing",
    ],
    [
      { ...WHOLE, credential: { client_id: "x" } },
      "credential needs exactly one of jwt_file, secret_file and private_key_file",
    ],
    [{ ...WHOLE, credential: { secret_file: "/s" } }, "credential.client_id is missing"],
    [
      { ...WHOLE, credential: { jwt_file: "/t", private_key_file: "/k" } },
      "credential needs exactly one of jwt_file, secret_file and private_key_file",
    ],
    [{ ...WHOLE, credential: { jwt_file: "relative" } }, "credential.jwt_file must be an absolute path"],
    [
      { ...WHOLE, outbound: { listen: "127.0.0.1:1", hosts: ["edge"] } },
      "outbound.hosts must be empty where only this machine can call: loopback's names are accepted",
    ],
    [
      { ...WHOLE, outbound: { listen: "unix:relative" } },
      "outbound.listen must be host:port, or unix: and an absolute path of at most 100 bytes",
    ],
    [
      { ...WHOLE, outbound: { tokens: [{ name: "lake" }] } },
      "outbound has neither listen nor a token with a file: nobody would get a token",
    ],
    [
      { ...WHOLE, outbound: { listen: "[::1]:1", tokens: [...TOKENS, ...TOKENS] } },
      "outbound.tokens[1] has a name that another has",
    ],
    [
      { ...WHOLE, outbound: { listen: "[::1]:1", tokens: [{ name: "lake", mode: "0666" }] } },
      "outbound.tokens[0].mode must be a mode such as 0600, 0640 or 0644, in quotes",
    ],
    [{ ...WHOLE, inbound: { audience: "x" } }, "inbound has neither ext_authz nor forward_auth: nobody could ask"],
    [{ ...WHOLE, inbound: { ...WHOLE.inbound, audience: undefined } }, "inbound.audience is missing"],
    [
      { ...WHOLE, inbound: { ...WHOLE.inbound, path_header: undefined } },
      "inbound.path_header is required by rules with forward_auth",
    ],
  ])("are refused with the reason: %#", (settings, problem) => {
    expect(problems(settings)).toContain(problem);
  });

  test("beyond loopback must name the hosts and a secret", () => {
    const outbound = { listen: "0.0.0.0:8190", tokens: TOKENS };
    expect(problems({ ...WHOLE, outbound })).toEqual([
      "outbound.hosts is required beyond loopback",
      "outbound.secret_file is required beyond loopback",
    ]);
    expect(problems({ ...WHOLE, outbound: { ...outbound, hosts: ["edge.lake.svc"], secret_file: "/s" } })).toEqual([]);
  });

  test.each(["/v1/../admin", "/v1//admin", "admin", "/v1/*/x", "/v1/ad*", "/v1/./x", "/v1?x", "/v1/%zz"])(
    "have no rule for a path that is not in normal form: %s",
    (path) => {
      const inbound = { ...WHOLE.inbound, rules: [{ path, scopes: ["admin"] }] };
      expect(problems({ ...WHOLE, inbound })).toHaveLength(1);
    },
  );

  test("have no rule that another hides", () => {
    const rules = ["/*", "/v1/admin/*"].map((path) => ({ path, scopes: ["admin"] }));
    expect(problems({ ...WHOLE, inbound: { ...WHOLE.inbound, rules } })).toEqual([
      "inbound.rules[1] is never reached: a rule before it fits all of its paths",
    ]);
  });

  test.each(["/", "/*", "/v1/admin", "/v1/admin/", "/v1/namespaces/a%1Fb/*"])("may have a rule for %s", (path) => {
    const inbound = { ...WHOLE.inbound, rules: [{ path, scopes: ["admin"] }] };
    expect(problems({ ...WHOLE, inbound })).toEqual([]);
  });
});
