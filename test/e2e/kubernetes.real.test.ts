/**
 * A real cluster's service accounts as clients, set up as docs/kubernetes.md says (section 7). Opt-in, because a cluster is
 * seldom at hand: ICEMINT_TEST_KUBECONFIG names a kubeconfig whose user may create service accounts and their tokens.
 */
import { Buffer } from "node:buffer";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ServerProcess } from "../support/server-process.js";
import { skipped } from "../support/tool.js";
import { expectTokenSet } from "./fit-for-clients.js";
import { type RawAnswer, postForm } from "./http-exchange.js";

const kubeconfig = process.env["ICEMINT_TEST_KUBECONFIG"] ?? "";
const reason = kubeconfig === "" ? skipped("ICEMINT_TEST_KUBECONFIG is not set") : "";
const kubectl = (...args: readonly string[]): string =>
  execFileSync("kubectl", ["--kubeconfig", kubeconfig, ...args], { encoding: "utf8" }).trim();

/** What `kubectl config view` says of the cluster, as far as it is needed. */
interface KubeConfig {
  readonly clusters: readonly {
    readonly cluster: {
      readonly server: string;
      readonly "certificate-authority"?: string;
      readonly "certificate-authority-data"?: string;
    };
  }[];
}

const AUDIENCE = "https://tokens.example.com";

describe.skipIf(kubeconfig === "")(`with a real cluster${reason}`, () => {
  let server: ServerProcess;

  beforeAll(async () => {
    const view: KubeConfig = JSON.parse(kubectl("config", "view", "--raw", "--minify", "-o", "json"));
    const [{ cluster } = { cluster: { server: "" } }] = view.clusters;
    const { issuer }: { issuer: string } = JSON.parse(kubectl("get", "--raw", "/.well-known/openid-configuration"));
    const ca = cluster["certificate-authority-data"];
    server = await ServerProcess.start({
      files: {
        "ca.crt": ca
          ? Buffer.from(ca, "base64").toString()
          : readFileSync(cluster["certificate-authority"] ?? "", "utf8"),
        token: kubectl("create", "token", "default"),
      },
      settings: {
        issuer: AUDIENCE,
        trusted_issuers: [
          {
            issuer,
            jwks_uri: `${cluster.server}/openid/v1/jwks`,
            ca_file: "ca.crt",
            token_file: "token",
            audience: AUDIENCE,
            algorithms: ["RS256"],
            use: ["client_assertion"],
          },
        ],
        clients: [{ id: "spark", federated: [{ issuer, subject: "system:serviceaccount:default:default" }] }],
      },
    });
  });
  afterAll(() => server[Symbol.asyncDispose]());

  const ask = (credentials: Readonly<Record<string, string>>): Promise<RawAnswer> =>
    postForm(server.url, { grant_type: "client_credentials", ...credentials });

  test("a service account's token for icemint stands for its client, as an assertion and in the secret's place", async () => {
    const token = kubectl("create", "token", "default", "--audience", AUDIENCE);
    const type = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    expectTokenSet(await ask({ client_assertion_type: type, client_assertion: token }));
    expectTokenSet(await ask({ client_id: "spark", client_secret: token }));
  });

  test("one for somebody else does not: every pod has one for the API server", async () => {
    for (const audience of [[], ["--audience", "https://other.example.com"]]) {
      const token = kubectl("create", "token", "default", ...audience);
      const { status, body } = await ask({ client_id: "spark", client_secret: token });
      expect(status).toBe(401);
      expect(body).toContain("invalid_client");
    }
  });

  test("nor does another service account's", async () => {
    const stranger = `icemint-stranger-${process.pid}`;
    kubectl("create", "serviceaccount", stranger);
    try {
      const token = kubectl("create", "token", stranger, "--audience", AUDIENCE);
      expect((await ask({ client_secret: token })).status).toBe(401);
    } finally {
      kubectl("delete", "serviceaccount", stranger);
    }
  });
});
