import { describe, expect, test } from "vitest";
import { LONG_SECRET, SEALING_KEY, problems, read, refusal } from "./settings.js";

const WITH_REDIS = "issuer: https://tokens.example.com\nredis: { url: redis://from-file:6379 }\n";

describe("variables", () => {
  test("each of them overrides the file", () => {
    const yaml = `${WITH_REDIS}listen: 127.0.0.1:1\nadmin_listen: 127.0.0.1:2\nlog_level: error\n`;
    const env = {
      ICEMINT_LISTEN: "0.0.0.0:8181",
      ICEMINT_ADMIN_LISTEN: "[::]:9464",
      ICEMINT_ISSUER: "https://other.example.com",
      ICEMINT_REDIS_URL: "rediss://user:pass@redis:6380",
      ICEMINT_SEALING_KEY: SEALING_KEY,
      ICEMINT_LOG_LEVEL: "debug",
    };
    expect(read({ yaml, env })).toMatchObject({
      listen: { host: "0.0.0.0", port: 8181 },
      adminListen: { host: "::", port: 9464 },
      issuer: "https://other.example.com",
      redis: { topology: { kind: "single", url: "rediss://user:pass@redis:6380" } },
      logLevel: "debug",
    });
  });

  test("each may be in a file, whose last line end is not part of it, and which is watched", () => {
    const files = {
      "/run/url": "redis://from-secret:6379\n",
      "/run/key": `${SEALING_KEY}\r\n`,
      "/etc/i.yaml": WITH_REDIS,
    };
    const env = {
      ICEMINT_CONFIG: "/etc/i.yaml",
      ICEMINT_REDIS_URL_FILE: "/run/url",
      ICEMINT_SEALING_KEY_FILE: "/run/key",
    };
    const config = read({ files, env });
    expect(config.redis?.topology).toEqual({
      kind: "single",
      url: "redis://from-secret:6379",
      urlFile: "/run/url",
    });
    expect(config.keys.sealingKeys).toEqual([Buffer.from(SEALING_KEY, "base64")]);
    expect(config.files).toEqual(["/run/url", "/run/key", "/etc/i.yaml"]);
  });

  test("a value and a file at once are refused, as is a file that is not there", () => {
    const env = { ICEMINT_LOG_LEVEL: "info", ICEMINT_LOG_LEVEL_FILE: "/level", ICEMINT_ISSUER_FILE: "/nowhere" };
    expect(problems({ env, files: { "/level": "info" } })).toEqual([
      "ICEMINT_ISSUER_FILE cannot be read: there is no such file",
      "ICEMINT_LOG_LEVEL and ICEMINT_LOG_LEVEL_FILE are both set: unset one of them",
    ]);
  });

  test("an empty one counts as unset", () => {
    expect(read({ env: { ICEMINT_REDIS_URL: "", ICEMINT_ISSUER: "", ICEMINT_LISTEN_FILE: "" } }).redis).toBeUndefined();
  });

  test("a wrong value is a problem of the environment, with an example", () => {
    expect(refusal({ env: { ICEMINT_LOG_LEVEL: "loud" } }).problems).toEqual([
      {
        file: "environment",
        line: undefined,
        path: "ICEMINT_LOG_LEVEL",
        reason: "must be one of debug, info, warn, error",
        example: "info",
      },
    ]);
  });
});

describe("names of variables", () => {
  test.each([
    ["ICEMINT_SEALING_KEYS", "ICEMINT_SEALING_KEY"],
    ["ICEMINT_LOGLEVEL", "ICEMINT_LOG_LEVEL"],
    ["ICEMINT_REDIS", "ICEMINT_REDIS_URL"],
    ["ICEMINT_ISSUER_URL", "ICEMINT_ISSUER"],
    ["ICEMINT_REDIS_URLFILE", "ICEMINT_REDIS_URL_FILE"],
  ])("%s is refused as a mistyped %s", (name, meant) => {
    expect(problems({ env: { [name]: "x" } })).toEqual([`${name} is no setting; did you mean ${meant}?`]);
  });

  test("one that is like none is told, for it has no effect", () => {
    expect(read({ env: { ICEMINT_FAVOURITE_COLOUR: "x" } }).warnings).toEqual([
      "environment: ICEMINT_FAVOURITE_COLOUR: is no setting and has no effect",
    ]);
  });

  test.each(["ICEMINT_PORT", "ICEMINT_SERVICE_HOST", "ICEMINT_SERVICE_PORT_GRPC", "ICEMINT_PORT_8181_TCP_ADDR"])(
    "%s is what Kubernetes sets beside a Service named icemint, and passed over",
    (name) => {
      expect(read({ env: { [name]: "x" } }).warnings).toEqual([]);
    },
  );

  test.each(["ICEMINT_SERVER", "ICEMINT_CLIENT_ID", "ICEMINT_CLIENT_SECRET_FILE", "ICEMINT_TEST_REDIS_URL"])(
    "%s is for the operator's tools or the tests, and passed over",
    (name) => {
      expect(read({ env: { [name]: "x" } }).warnings).toEqual([]);
    },
  );

  test("one that a client's secret names is in use", () => {
    const yaml = "clients: [{ id: a, secrets: [{ env: ICEMINT_ISSUE }] }]";
    expect(read({ yaml, env: { ICEMINT_ISSUE: LONG_SECRET } }).warnings).toEqual([]);
  });
});

describe("the sealing key", () => {
  test("is required with Redis", () => {
    expect(problems({ yaml: WITH_REDIS })).toEqual([
      "ICEMINT_SEALING_KEY is required with redis, where keys are kept sealed",
    ]);
  });

  test("may be several by comma, in base64 or base64url, padded or not", () => {
    const other = Buffer.alloc(32, 0xfb);
    const text = `${SEALING_KEY}, ${other.toString("base64url")}`;
    const config = read({ yaml: WITH_REDIS, env: { ICEMINT_SEALING_KEY: text } });
    expect(config.keys.sealingKeys).toEqual([Buffer.from(SEALING_KEY, "base64"), other]);
  });

  test.each([
    ["31 bytes", Buffer.alloc(31, 1).toString("base64")],
    ["33 bytes", Buffer.alloc(33, 1).toString("base64")],
    ["hex", Buffer.alloc(32, 1).toString("hex")],
    ["a wrong one among right ones", `${SEALING_KEY},${SEALING_KEY.slice(4)}`],
    ["an empty one at the end", `${SEALING_KEY},`],
  ])("of %s is refused, and never shown", (_what, text) => {
    const { problems: found, message } = refusal({ yaml: WITH_REDIS, env: { ICEMINT_SEALING_KEY: text } });
    expect(found.map(({ path, reason }) => [path, reason])).toEqual([
      ["ICEMINT_SEALING_KEY", "must be 32 bytes in base64, several by comma"],
    ]);
    expect(message).not.toContain(text);
  });
});
