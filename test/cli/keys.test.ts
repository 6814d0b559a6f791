import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, createRouterTransport, type ConnectRouter } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { once } from "node:events";
import { mkdtemp, writeFile } from "node:fs/promises";
import { createServer } from "node:http2";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { keys } from "../../src/cli/keys.js";
import { KeyService, KeyState } from "../../src/gen/icemint/v1/key_service_pb.js";

const credentials = { ICEMINT_CLIENT_ID: "operator", ICEMINT_CLIENT_SECRET: "s3cret" };
const at = (iso: string) => timestampFromMs(Date.parse(iso));

/** A key that signed since January, and was revoked. */
const revokedAt = (kid: string, iso: string) => ({
  kid,
  algorithm: "ES256",
  state: KeyState.REVOKED,
  activateTime: at("2026-01-01T00:00:00Z"),
  retireTime: at(iso),
});

interface Seen {
  authorization: (string | null)[];
  revoked: string[];
}

/** A key service with one retired and one active key. */
function service(seen: Seen) {
  return (router: ConnectRouter) =>
    router.service(KeyService, {
      listKeys(_, context) {
        seen.authorization.push(context.requestHeader.get("authorization"));
        const older = {
          kid: "older",
          algorithm: "ES256",
          state: KeyState.RETIRED,
          retireTime: at("2026-02-01T00:00:00Z"),
        };
        const newer = { kid: "newer-key", algorithm: "EdDSA", state: KeyState.ACTIVE };
        const times = { publishTime: at("2026-01-01T00:00:00Z"), activateTime: at("2026-01-01T00:15:00.250Z") };
        return {
          keys: [
            { ...older, ...times },
            { ...newer, ...times },
          ],
        };
      },
      rotateKeys: () => ({ key: { kid: "next", activateTime: at("2026-03-01T00:00:00Z") } }),
      revokeKey({ kid }) {
        if (kid === "unknown") throw new ConnectError("no such key", Code.NotFound);
        seen.revoked.push(kid);
        return {};
      },
    });
}

async function run(args: readonly string[], env: Readonly<Record<string, string>> = credentials) {
  const seen: Seen = { authorization: [], revoked: [] };
  const servers: string[] = [];
  let [out, err] = ["", ""];
  const code = await keys({
    args,
    env,
    stdout: { write: (text) => (out += text) },
    stderr: { write: (text) => (err += text) },
    openTransport(server) {
      servers.push(server);
      return { transport: createRouterTransport(service(seen)), close() {} };
    },
  });
  return { code, out, err, seen, servers };
}

test("list shows every key with its state and times", async () => {
  const { code, out } = await run(["list"]);
  expect(code).toBe(0);
  expect(out.split("\n")).toEqual([
    "KID        ALGORITHM  STATE    PUBLISHED             SIGNS FROM            SIGNED UNTIL",
    "older      ES256      retired  2026-01-01T00:00:00Z  2026-01-01T00:15:00Z  2026-02-01T00:00:00Z",
    "newer-key  EdDSA      active   2026-01-01T00:00:00Z  2026-01-01T00:15:00Z  -",
    "",
  ]);
});

test("rotate says which key was published and when it signs", async () => {
  expect(await run(["rotate"])).toMatchObject({ code: 0, out: "published next: it signs from 2026-03-01T00:00:00Z\n" });
});

test("revoke names the key", async () => {
  expect(await run(["revoke", "older"])).toMatchObject({ code: 0, seen: { revoked: ["older"] } });
});

describe("revoke warns of verifiers that will not ask for the new key", () => {
  const revoking = async (keysAfter: readonly object[] | "gone") => {
    let err = "";
    const routes = (router: ConnectRouter) =>
      router.service(KeyService, {
        listKeys() {
          if (keysAfter === "gone") throw new ConnectError("away", Code.Unavailable);
          return { keys: [...keysAfter] };
        },
        revokeKey: () => ({}),
      });
    const code = await keys({
      args: ["revoke", "this"],
      env: credentials,
      stdout: { write: () => true },
      stderr: { write: (text) => (err += text) },
      openTransport: () => ({ transport: createRouterTransport(routes), close() {} }),
    });
    return { code, err };
  };
  const revokedNow = revokedAt("this", "2026-02-01T12:00:00Z");

  test("when another signing key was revoked minutes before: it says how long, and for whom", async () => {
    const { code, err } = await revoking([revokedAt("other", "2026-02-01T11:57:00Z"), revokedNow]);
    expect(code).toBe(0);
    expect(err).toMatch(
      /^warning: another key was revoked 3 min before\..*Quarkus OIDC.* until 2026-02-01T12:07:00Z\./,
    );
  });

  test.each<[string, object]>([
    ["was revoked long ago", revokedAt("other", "2026-02-01T11:49:59Z")],
    ["retired by itself", { ...revokedAt("other", "2026-02-01T11:57:00Z"), state: KeyState.RETIRED }],
    [
      "was revoked before it signed",
      { ...revokedAt("other", "2026-02-01T11:57:00Z"), activateTime: at("2026-02-02T00:00:00Z") },
    ],
  ])("not when the other key %s", async (_, other) => {
    expect(await revoking([other, revokedNow])).toEqual({ code: 0, err: "" });
  });

  test("not when the revoked key had stopped signing before", async () => {
    const stoppedEarly = revokedAt("this", "2026-01-20T00:00:00Z");
    expect(await revoking([revokedAt("other", "2026-02-01T11:57:00Z"), stoppedEarly])).toEqual({ code: 0, err: "" });
  });

  test("a key stays revoked though the keys cannot be listed afterwards", async () => {
    const { code, err } = await revoking("gone");
    expect({ code, err }).toEqual({ code: 0, err: expect.stringContaining("icemint keys list") });
  });
});

test("a refusal is shown with its code, and the exit code is 1", async () => {
  expect(await run(["revoke", "unknown"])).toMatchObject({ code: 1, out: "", err: "icemint: NotFound: no such key\n" });
});

// SECURITY.md: "No secret is shown".
test("credentials come from the environment, or from a file that it names, and go as Basic", async () => {
  const basic = `Basic ${Buffer.from("operator:s3cret").toString("base64")}`;
  const path = join(await mkdtemp(join(tmpdir(), "icemint-cli-")), "secret");
  await writeFile(path, "s3cret\n");
  for (const env of [credentials, { ICEMINT_CLIENT_ID: "operator", ICEMINT_CLIENT_SECRET_FILE: path }]) {
    expect((await run(["list"], env)).seen.authorization).toEqual([basic]);
  }
});

test.each([
  {},
  { ICEMINT_CLIENT_ID: "operator" },
  { ICEMINT_CLIENT_ID: "operator", ICEMINT_CLIENT_SECRET_FILE: "/no" },
])("without credentials (%j) it says which variables to set, and asks nobody", async (env) => {
  const { code, err, servers } = await run(["list"], env);
  expect({ code, servers }).toEqual({ code: 1, servers: [] });
  expect(err).toContain("ICEMINT_CLIENT_SECRET_FILE");
});

test.each([
  [["list"], {}, "http://127.0.0.1:8181"],
  [["list"], { ICEMINT_SERVER: "https://tokens.example.com" }, "https://tokens.example.com"],
  [["list", "--server", "https://a:1"], { ICEMINT_SERVER: "https://tokens.example.com" }, "https://a:1"],
])("%j with %j asks %s", async (args, env, server) => {
  expect((await run(args, { ...credentials, ...env })).servers).toEqual([server]);
});

test("an address that is no URL is refused", async () => {
  expect(await run(["list", "--server", "tokens:8181"])).toMatchObject({ code: 1, servers: [] });
});

test.each([[[]], [["list", "more"]], [["revoke"]], [["revoke", "a", "b"]], [["destroy"]], [["list", "--secret", "x"]]])(
  "%j is answered with the usage",
  async (args) => {
    const { code, err, servers } = await run(args);
    expect({ code, servers }).toEqual({ code: 2, servers: [] });
    expect(err).toContain("usage: icemint keys list");
  },
);

test("over a real connection it speaks gRPC, and lets go of the connection", async () => {
  const seen: Seen = { authorization: [], revoked: [] };
  const types: (string | undefined)[] = [];
  const adapter = connectNodeAdapter({ routes: service(seen) });
  const server = createServer((request, response) => {
    types.push(request.headers["content-type"]);
    adapter(request, response);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no TCP address");
  const silent = { write: () => true };
  const url = `http://127.0.0.1:${address.port}`;
  expect(await keys({ args: ["rotate", "--server", url], env: credentials, stdout: silent, stderr: silent })).toBe(0);
  expect(types).toEqual(["application/grpc+proto"]);
  // Closing waits for open connections: it would hang if the command kept one.
  server.close();
  await once(server, "close");
  let err = "";
  const stderr = { write: (text: string) => (err += text) };
  expect(await keys({ args: ["list", "--server", url], env: credentials, stdout: silent, stderr })).toBe(1);
  expect(err).toMatch(/^icemint: Unavailable: /);
  expect(err).not.toContain("s3cret");
});
