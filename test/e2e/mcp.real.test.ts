/** The Model Context Protocol's TypeScript SDK, unmodified, as client of the built server and of an MCP server behind it. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { claimsOf } from "../support/core.js";
import { mcpEngine } from "./engines.js";
import { LineProgram } from "./line-program.js";
import { type WorkloadWorld, startWorkloadWorld } from "./workload-world.js";

const mcp = await mcpEngine();

describe.skipIf("missing" in mcp)(`@modelcontextprotocol/sdk 1.32.2${"missing" in mcp ? mcp.missing : ""}`, () => {
  let world: WorkloadWorld;
  let program: LineProgram;
  let url = "";

  beforeAll(async () => {
    if ("missing" in mcp) return;
    program = new LineProgram(mcp.command, mcp.args);
    url = String(await program.resultOf({ do: "serve" }));
    world = await startWorkloadWorld({ audiences: [url] });
  });
  afterAll(async () => {
    await program[Symbol.asyncDispose]();
    await world[Symbol.asyncDispose]();
  });

  /** The claims of the token that the MCP server saw, once its tool has answered. */
  async function called(by: string, options: object): Promise<Record<string, unknown>> {
    const result = await program.resultOf({ do: "call", by, options, trusting: world.server.url });
    const { said, authorization } = result as { said: string; authorization: string };
    expect([said, authorization]).toEqual(["pong", expect.stringMatching(/^Bearer /)]);
    return claimsOf(authorization.slice("Bearer ".length));
  }

  test("gets a token for the MCP server by a secret", async () => {
    const claims = await called("secret", { clientId: "broker", clientSecret: world.secret });
    expect(claims).toMatchObject({ sub: "broker", aud: url });
  });

  test("gets a token by an assertion that it signs, for the issuer that metadata names", async () => {
    const options = { clientId: "prometheus", privateKey: world.privateKey, algorithm: "RS256" };
    expect(await called("key", options)).toMatchObject({ sub: "prometheus", aud: url });
  });

  test("gets a token by a platform's token as client_assertion", async () => {
    const options = { clientId: "shop/orders", jwtBearerAssertion: world.projected() };
    expect(await called("client assertion", options)).toMatchObject({ sub: "shop/orders", aud: url });
  });

  test("gets a token by a platform's token as assertion, without client authentication (SEP-1933)", async () => {
    const options = { client: { client_id: "shop/orders" }, assertion: world.projected() };
    expect(await called("assertion", options)).toMatchObject({ sub: "shop/orders", aud: url });
  });

  test("acts for a user by an ID-JAG for the MCP server (SEP-990)", async () => {
    const client = { client_id: "broker", client_secret: world.secret };
    const claims = await called("assertion", { client, assertion: world.idJag({ resource: url }) });
    expect(claims).toMatchObject({ sub: "idp:ada", act: { sub: "broker" }, aud: url });
  });

  test("is told invalid_grant where the ID-JAG is for another client", async () => {
    const client = { client_id: "broker", client_secret: world.secret };
    const options = { client, assertion: world.idJag({ client_id: "other" }) };
    const error = await program.errorOf({ do: "call", by: "assertion", options, trusting: world.server.url });
    expect(error).toMatch(/InvalidGrantError|invalid_grant|assertion was refused/i);
  });
});
