/** docs/workloads.md: what it says to paste is accepted, and matches what the platform's tokens say. */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { clientSet } from "../../src/clients/client-registry.js";
import type { JsonObject } from "../../src/oauth/json.js";
import { LONG_SECRET, read } from "./settings.js";

const page = readFileSync(resolve("docs/workloads.md"), "utf8");

interface Pasted {
  readonly heading: string;
  readonly yaml: string;
}

/** Each block of settings, with the heading that it stands under. Blocks with a title are of other files. */
const blocks: readonly Pasted[] = page.split(/^(?=##+ )/m).flatMap((section) => {
  const heading = /^##+ (.*)$/m.exec(section)?.[1] ?? "";
  const found = [...section.matchAll(/^```yaml(?: title=icemint\.yaml)?\n(.*?)^```/gms)];
  return found
    .map(([, yaml = ""]) => ({ heading, yaml }))
    .filter(({ yaml }) => /^(?:trusted_issuers|clients):/m.test(yaml));
});

const settingsOf = ({ yaml }: Pasted) =>
  read({ yaml: `issuer: https://tokens.example.com\n${yaml}`, env: { ASSISTANT_SECRET: LONG_SECRET } });

const CLUSTER = "https://kubernetes.default.svc";
const GITHUB = "https://token.actions.githubusercontent.com";
const GITLAB = "https://gitlab.com";
const SPIRE = "https://spire.example.org";
const EKS = "https://oidc.eks.eu-central-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF";
const GKE = "https://container.googleapis.com/v1/projects/acme/locations/europe-west3/clusters/lake";
const AKS =
  "https://germanywestcentral.oic.prod-aks.azure.com/11111111-1111-1111-1111-111111111111/22222222-2222-2222-2222-222222222222/";

type Subject = JsonObject & { readonly sub: string };

/** A service account's claims, as the API server writes them. */
const pod = (namespace: string, name: string): Subject => ({
  sub: `system:serviceaccount:${namespace}:${name}`,
  "kubernetes.io": { namespace, serviceaccount: { name, uid: "u" }, pod: { name: `${name}-0`, uid: "p" } },
});
const job = (repository: string, ref: string, owner = "123456"): Subject => ({
  sub: `repo:${repository}:ref:${ref}`,
  repository,
  ref,
  repository_owner_id: owner,
});
const pipeline = (project: string, ref: string, more: JsonObject = {}): Subject => ({
  sub: `project_path:${project}:ref_type:branch:ref:${ref}`,
  project_path: project,
  namespace_id: "42",
  ref_protected: "true",
  ...more,
});

/** By heading: tokens of the platform, and the client that each stands for; undefined: nobody's. */
const TOKENS: Readonly<Record<string, readonly (readonly [issuer: string, claims: Subject, client?: string])[]>> = {
  "A namespace of Spark jobs": [
    [CLUSTER, pod("spark", "etl"), "spark/etl"],
    [CLUSTER, pod("spark", "default")],
    [CLUSTER, pod("spark2", "etl")],
    [`${CLUSTER}/`, pod("spark", "etl")],
  ],
  "GitHub Actions": [
    [GITHUB, job("acme/lake", "refs/heads/main"), "github/lake"],
    [GITHUB, job("acme/lake", "refs/heads/main", "654321")],
    [GITHUB, job("acme/lake", "refs/heads/dev")],
    [GITHUB, job("acme2/lake", "refs/heads/main")],
    [GITHUB, { ...job("acme/lake", "refs/heads/main"), sub: "repo:acme/lake:pull_request" }],
    [GITHUB, { ...job("acme/lake", "refs/heads/main"), repository_owner_id: 123456 }],
  ],
  GitLab: [
    [GITLAB, pipeline("acme/lake", "main"), "gitlab/lake"],
    [GITLAB, pipeline("acme/team/lake", "main")],
    [GITLAB, pipeline("acme/lake", "main", { ref_protected: "false" })],
    [GITLAB, pipeline("acme/lake", "main", { ref_protected: true })],
    [GITLAB, pipeline("acme/lake", "main", { namespace_id: "43" })],
  ],
  EKS: [
    [EKS, pod("spark", "etl"), "eks-spark/etl"],
    [EKS.toLowerCase(), pod("spark", "etl")],
  ],
  GKE: [
    [GKE, pod("spark", "etl"), "gke-spark/etl"],
    ["https://accounts.google.com", pod("spark", "etl")],
  ],
  AKS: [
    [AKS, pod("spark", "etl"), "aks-spark/etl"],
    [AKS.slice(0, -1), pod("spark", "etl")],
  ],
  SPIFFE: [
    [SPIRE, { sub: "spiffe://example.org/ns/shop/sa/orders" }, "mesh/shop/orders"],
    [SPIRE, { sub: "spiffe://example.org.evil/ns/shop/sa/orders" }],
    [SPIRE, { sub: "spiffe://example.org/ns/shop/sa/orders/x" }],
  ],
  Kafka: [[CLUSTER, pod("kafka", "connect"), "kafka/connect"]],
  Prometheus: [
    [CLUSTER, pod("monitoring", "prometheus"), "monitoring/prometheus"],
    [CLUSTER, pod("monitoring", "collector"), "monitoring/collector"],
  ],
  kagent: [[CLUSTER, pod("kagent", "assistant"), "kagent/assistant"]],
};

describe("docs/workloads.md", () => {
  test("has a rule to paste for each platform and for each client that comes with a platform's token", () => {
    const withRules = blocks.filter(({ yaml }) => yaml.includes("workloads:")).map(({ heading }) => heading);
    expect(withRules.toSorted()).toEqual(Object.keys(TOKENS).toSorted());
    expect(blocks).toHaveLength(withRules.length + 2);
  });

  test.each(blocks)("under $heading has settings that are accepted as they stand, without a warning", (block) => {
    expect(settingsOf(block).warnings).toEqual([]);
  });

  test.each(blocks.filter(({ yaml }) => yaml.includes("workloads:")))(
    "under $heading has a rule that matches the platform's tokens, and none that are near to them",
    (block) => {
      const { clients, workloads } = settingsOf(block);
      const set = clientSet(clients, workloads);
      const found = (TOKENS[block.heading] ?? []).map(([issuer, claims]) => {
        return set.workloads.match({ issuer, subject: claims.sub, claims }).client?.id;
      });
      expect(found).toEqual(TOKENS[block.heading]?.map(([, , client]) => client));
    },
  );

  test("names the clients that its clients' settings name", () => {
    for (const id of ["monitoring/prometheus", "monitoring/collector"]) expect(page).toContain(`client_id: ${id}\n`);
  });
});
