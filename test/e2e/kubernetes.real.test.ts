/**
 * A real cluster's service accounts as clients, registered as docs/kubernetes.md says (section 7), and by a rule for their
 * namespace as docs/workloads.md says. Opt-in, because few machines have
 * a cluster: ICEMINT_TEST_KUBECONFIG names a kubeconfig whose user may create service accounts and their tokens.
 */
import { Buffer } from "node:buffer";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { decodeJwt } from "jose";
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
        workloads: [
          {
            name: "namespace",
            issuer,
            subject: "system:serviceaccount:default:*",
            claims: { "kubernetes.io": { namespace: "default" } },
            client_id: "k8s/{1}",
            grants: ["client_credentials", "jwt_bearer"],
          },
          {
            name: "elsewhere",
            issuer,
            subject: "system:serviceaccount:kube-system:*",
            claims: { "kubernetes.io": { namespace: ["kube-system"], serviceaccount: { name: "nobody" } } },
            client_id: "system/{1}",
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

  test("another service account of the namespace stands for the client that the rule derives", async () => {
    const { name, create, remove } = serviceAccount("default", "workload");
    create();
    try {
      const token = kubectl("create", "token", name, "--audience", AUDIENCE);
      const assertion = { grant_type: "urn:ietf:params:oauth:grant-type:jwt-bearer", assertion: `${token}\n` };
      for (const credentials of [{ client_secret: token }, assertion]) {
        const { access_token: answer } = expectTokenSet(await ask(credentials));
        expect(decodeJwt(answer)).toMatchObject({ sub: `k8s/${name}`, client_id: `k8s/${name}` });
      }
    } finally {
      remove();
    }
  });

  test("one whose claims do not meet the conditions of its rule stands for nobody", async () => {
    const { name, create, remove } = serviceAccount("kube-system", "stranger");
    create();
    try {
      const token = kubectl("create", "token", name, "-n", "kube-system", "--audience", AUDIENCE);
      expect((await ask({ client_secret: token })).status).toBe(401);
    } finally {
      remove();
    }
  });
});

/** A service account of this run, which no other test has. */
function serviceAccount(namespace: string, what: string) {
  const name = `icemint-${what}-${process.pid}`;
  return {
    name,
    create: () => kubectl("create", "serviceaccount", name, "-n", namespace),
    remove: () => kubectl("delete", "serviceaccount", name, "-n", namespace),
  };
}
