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
  { env = ENV, stdin = "", answer }: { env?: Record<string, string>; stdin?: string; answer?: boolean } = {},
) {
  const asked: (GetTokenRequest | RevokeTokenRequest)[] = [];
  const authorizations: (string | null)[] = [];
  const written = { out: "", err: "" };
  const servers: string[] = [];
  const questions: string[] = [];
  const routes = ({ service }: ConnectRouter): unknown =>
    service(TokenService, {
      getToken(request, { requestHeader }) {
        asked.push(request);
        authorizations.push(requestHeader.get("authorization"));
        return { accessToken: "the-token" };
      },
      revokeToken(request) {
        asked.push(request);
        const { target } = request;
        return target.case === "client" ? { known: target.value === "etl" } : {};
      },
    });
  const context = {
    args,
    env,
    stdout: { write: (text: string) => (written.out += text) },
    stderr: { write: (text: string) => (written.err += text) },
    readStdin: async () => stdin,
    confirm: async (question: string) => {
      questions.push(question);
      return answer;
    },
    openTransport(server: string) {
      servers.push(server);
      return { transport: createRouterTransport((router) => void routes(router)), close() {} };
    },
  };
  return { context, asked, authorizations, written, servers, questions };
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

describe("the credentials of the operator's commands", () => {
  test("go in clear to this machine alone", async () => {
    for (const server of [
      "http://tokens.example.com",
      "http://10.0.0.1:8181",
      "http://icemint:8181",
      "http://localhost.example.com",
    ]) {
      const { context, servers, written } = setUp(["--server", server]);
      expect(await token(context)).toBe(1);
      expect(servers).toEqual([]);
      expect(written.err).toContain("http and not on this machine: the secret would go there in clear");
    }
    for (const args of [
      ["--server", "https://tokens.example.com"],
      ["--server", "http://[::1]:1"],
      ["--server", "http://localhost:1"],
      ["--insecure", "--server", "http://icemint:8181"],
    ]) {
      const { context, servers } = setUp(args);
      expect(await token(context)).toBe(0);
      expect(servers).toHaveLength(1);
    }
    const byVariable = setUp([], { env: { ...ENV, ICEMINT_SERVER: "http://tokens.example.com" } });
    expect(await token(byVariable.context)).toBe(1);
  });

  test("may come by standard input, so that they stand in no command line and no environment", async () => {
    const { context, authorizations } = setUp(["--client", "ops", "--secret-file", "-"], {
      env: {},
      stdin: "the-secret\n",
    });
    expect(await token(context)).toBe(0);
    expect(authorizations).toEqual([`Basic ${btoa("ops:the-secret")}`]);
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
    [["session", "-GdWi0123456789abcdefg"], { case: "session", value: "-GdWi0123456789abcdefg" }],
    [["session", "--dWi0123456789abcdefg"], { case: "session", value: "--dWi0123456789abcdefg" }],
    [["subject", "--", "--help"], { case: "subject", value: "--help" }],
    [["client", "etl", "--yes"], { case: "client", value: "etl" }],
    [["workload", "shop"], { case: "workload", value: "shop" }],
    [["--yes", "everything"], { case: "everything", value: true }],
  ])("%j revokes that", async (args, target) => {
    const { context, asked, written } = setUp(args);
    expect(await revoke(context)).toBe(0);
    expect(asked).toMatchObject([{ target }]);
    expect(written.out).toMatch(/^revoked/);
  });

  test("everything is revoked only after a yes, or with --yes where nobody can be asked", async () => {
    for (const answer of [false, undefined]) {
      const { context, asked, written, questions } = setUp(["everything"], { ...(answer === false && { answer }) });
      expect(await revoke(context)).toBe(1);
      expect(asked).toEqual([]);
      expect(questions).toEqual(["Every session of every client and user ends. Revoke?"]);
      expect(written.err).toContain(answer === false ? "nothing was revoked" : "Nothing was revoked: add --yes");
    }
    const { context, asked } = setUp(["everything"], { answer: true });
    expect(await revoke(context)).toBe(0);
    expect(asked).toMatchObject([{ target: { case: "everything" }, validateOnly: false }]);
  });

  test("a client that the settings do not have is asked back, one that they have is not", async () => {
    const unknown = setUp(["client", "nosuchclient"]);
    expect(await revoke(unknown.context)).toBe(1);
    expect(unknown.asked).toMatchObject([{ validateOnly: true }]);
    expect(unknown.written.err).toContain(
      'The settings have no client of the id "nosuchclient". Nothing was revoked: add --yes',
    );
    const confirmed = setUp(["client", "nosuchclient"], { answer: true });
    expect(await revoke(confirmed.context)).toBe(0);
    expect(confirmed.asked).toMatchObject([{ validateOnly: true }, { validateOnly: false }]);
    const known = setUp(["client", "etl"]);
    expect(await revoke(known.context)).toBe(0);
    expect(known.questions).toEqual([]);
    expect(known.asked).toMatchObject([{ validateOnly: true }, { validateOnly: false }]);
  });

  test.each([
    [["session", "sid", "--yess"]],
    [["session", "-x"]],
    [["token", "--secret-file", "-"]],
    [[]],
    [["everything", "x"]],
    [["client"]],
    [["token", "a.b.c"]],
    [["planet", "earth"]],
    [["--wrong"]],
  ])("%j is answered by the usage, and nothing is sent", async (args) => {
    const { context, asked, written } = setUp(args);
    expect(await revoke(context)).toBe(2);
    expect(asked).toEqual([]);
    expect(written.err).toMatch(/^usage/);
  });
});
