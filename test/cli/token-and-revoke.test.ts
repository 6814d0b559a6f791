import { createRouterTransport, type ConnectRouter } from "@connectrpc/connect";
import { describe, expect, test } from "vitest";
import { revoke } from "../../src/cli/revoke.js";
import { token } from "../../src/cli/token.js";
import {
  TokenService,
  type GetTokenRequest,
  type RevokeTokenRequest,
} from "../../src/gen/icemint/v1/token_service_pb.js";

const ENV = { ICEMINT_CLIENT_ID: "admin", ICEMINT_CLIENT_SECRET: "s3cret-s3cret-s3cret-s3cret" };

function setUp(
  args: readonly string[],
  { env = ENV, stdin = "" }: { env?: Record<string, string>; stdin?: string } = {},
) {
  const asked: (GetTokenRequest | RevokeTokenRequest)[] = [];
  const authorizations: (string | null)[] = [];
  const written = { out: "", err: "" };
  const routes = ({ service }: ConnectRouter): unknown =>
    service(TokenService, {
      getToken(request, { requestHeader }) {
        asked.push(request);
        authorizations.push(requestHeader.get("authorization"));
        return { accessToken: "the-token" };
      },
      revokeToken(request) {
        asked.push(request);
        return {};
      },
    });
  const context = {
    args,
    env,
    stdout: { write: (text: string) => (written.out += text) },
    stderr: { write: (text: string) => (written.err += text) },
    readStdin: async () => stdin,
    openTransport: () => ({ transport: createRouterTransport((router) => void routes(router)), close() {} }),
  };
  return { context, asked, authorizations, written };
}

describe("icemint token", () => {
  test("prints the token alone, for the scope and audiences asked for, with credentials from the environment", async () => {
    const { context, asked, authorizations, written } = setUp([
      "--scope",
      "catalog",
      "--audience",
      "a",
      "--audience",
      "b",
    ]);
    expect(await token(context)).toBe(0);
    expect(written).toEqual({ out: "the-token\n", err: "" });
    expect(asked).toMatchObject([{ grant: { case: "clientCredentials" }, scope: "catalog", audience: ["a", "b"] }]);
    expect(authorizations).toEqual([`Basic ${btoa("admin:s3cret-s3cret-s3cret-s3cret")}`]);
  });

  test("says which variable is missing", async () => {
    const { context, written } = setUp([], { env: {} });
    expect(await token(context)).toBe(1);
    expect(written.err).toMatch(/ICEMINT_CLIENT_ID.*ICEMINT_CLIENT_SECRET_FILE/);
  });
});

describe("icemint revoke", () => {
  // SECURITY.md: "No secret is shown".
  test("reads a token from standard input, so that it stands in no command line", async () => {
    const { context, asked } = setUp(["token"], { stdin: "a.b.c\n" });
    expect(await revoke(context)).toBe(0);
    expect(asked).toMatchObject([{ target: { case: "token", value: "a.b.c" } }]);
  });

  test.each([
    [["session", "sid"], { case: "session", value: "sid" }],
    [["subject", "idp:ada"], { case: "subject", value: "idp:ada" }],
    [["client", "etl"], { case: "client", value: "etl" }],
    [["workload", "shop"], { case: "workload", value: "shop" }],
    [["everything"], { case: "everything", value: true }],
  ])("%j revokes that", async (args, target) => {
    const { context, asked, written } = setUp(args);
    expect(await revoke(context)).toBe(0);
    expect(asked).toMatchObject([{ target }]);
    expect(written.out).toMatch(/^revoked/);
  });

  test.each([[[]], [["everything", "x"]], [["client"]], [["token", "a.b.c"]], [["planet", "earth"]], [["--wrong"]]])(
    "%j is answered by the usage, and nothing is sent",
    async (args) => {
      const { context, asked, written } = setUp(args);
      expect(await revoke(context)).toBe(2);
      expect(asked).toEqual([]);
      expect(written.err).toMatch(/^usage/);
    },
  );
});
