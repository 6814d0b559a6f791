/**
 * JWT-SVIDs of a real SPIRE as clients. Opt-in, because few machines have a SPIRE: ICEMINT_TEST_SPIRE names a folder with the
 * sockets `server.sock` and `agent.sock` of one whose agent gives this user spiffe://DOMAIN/ns/default/sa/spark.
 */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { decodeJwt } from "jose";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ServerProcess } from "../support/server-process.js";
import { skipped, tool } from "../support/tool.js";
import { expectTokenSet } from "./fit-for-clients.js";
import { type RawAnswer, postForm } from "./http-exchange.js";

const folder = process.env["ICEMINT_TEST_SPIRE"] ?? "";
const agent = tool("spire-agent", "it comes with SPIRE");
const server = tool("spire-server", "it comes with SPIRE");
const reason = folder === "" ? skipped("ICEMINT_TEST_SPIRE is not set") : agent.reason || server.reason;

const AUDIENCE = "https://tokens.example.com";
const ISSUER = "https://spire.example.org";
const JWT_SPIFFE = "urn:ietf:params:oauth:client-assertion-type:jwt-spiffe";
const JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer";

const run = (path: string, ...args: readonly string[]): string => execFileSync(path, args, { encoding: "utf8" });

/** A JWT-SVID for these audiences, as the agent gives it to a workload. */
function svid(...audiences: readonly string[]): string {
  const socket = join(folder, "agent.sock");
  const asked = audiences.flatMap((audience) => ["-audience", audience]);
  const text = run(agent.path, "api", "fetch", "jwt", "-socketPath", socket, "-output", "json", ...asked);
  const [
    {
      svids: [first],
    },
  ] = JSON.parse(text) as [{ svids: [{ svid: string }] }];
  return first.svid;
}

describe.skipIf(reason !== "")(`with a real SPIRE${reason}`, () => {
  let icemint: ServerProcess;
  let domain = "";

  beforeAll(async () => {
    const { iss, sub = "" } = decodeJwt(svid(AUDIENCE));
    domain = /^spiffe:\/\/([^/]+)\//.exec(sub)?.[1] ?? "";
    const issuer = iss ?? ISSUER;
    const bundle = run(server.path, "bundle", "show", "-socketPath", join(folder, "server.sock"), "-format", "spiffe");
    icemint = await ServerProcess.start({
      files: { "bundle.json": bundle },
      settings: {
        issuer: AUDIENCE,
        trusted_issuers: [{ issuer, jwks_file: "bundle.json", trust_domain: domain, use: ["client_assertion"] }],
        workloads: [
          {
            name: "mesh",
            issuer,
            subject: `spiffe://${domain}/ns/*/sa/*`,
            client_id: "mesh/{1}/{2}",
            grants: ["client_credentials", "jwt_bearer"],
          },
        ],
      },
    });
  });
  afterAll(() => icemint[Symbol.asyncDispose]());

  const ask = (form: Readonly<Record<string, string>>): Promise<RawAnswer> =>
    postForm(icemint.url, { grant_type: "client_credentials", ...form });

  test("a workload's JWT-SVID stands for the client that the rule derives, wherever it is sent", async () => {
    for (const form of [
      { client_secret: svid(AUDIENCE) },
      { client_assertion: svid(AUDIENCE), client_assertion_type: JWT_SPIFFE },
      { grant_type: JWT_BEARER, assertion: svid(AUDIENCE) },
    ]) {
      const { access_token: token } = expectTokenSet(await ask(form));
      expect(decodeJwt(token)).toMatchObject({ sub: "mesh/default/spark", client_id: "mesh/default/spark" });
    }
  });

  test("one for somebody else, or for somebody else too, stands for nobody", async () => {
    for (const audiences of [["https://other.example.com"], [AUDIENCE, "https://other.example.com"]]) {
      expect((await ask({ client_secret: svid(...audiences) })).status).toBe(401);
    }
  });
});
