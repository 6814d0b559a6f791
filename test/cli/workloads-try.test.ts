import { describe, expect, test } from "vitest";
import { stringify } from "yaml";
import { workloadsTry } from "../../src/cli/workloads-try.js";
import { NOW, memoryDisk } from "../config/settings.js";
import { idpToken } from "../support/core.js";

const CLUSTER = "https://kubernetes.default.svc";
const ORDERS = "system:serviceaccount:shop:orders";
const settings = stringify({
  trusted_issuers: [
    { issuer: CLUSTER, discovery: true, use: ["client_assertion"] },
    { issuer: "https://spire", discovery: true, use: ["client_assertion"], trust_domain: "example.org" },
  ],
  clients: [{ id: "pay", federated: [{ issuer: CLUSTER, subject: "system:serviceaccount:shop:pay" }] }],
  workloads: [
    { name: "shop", issuer: CLUSTER, subject: "system:serviceaccount:shop:*", client_id: "shop/{1}" },
    {
      name: "etl",
      issuer: CLUSTER,
      subject: "system:serviceaccount:etl:*",
      client_id: "etl/{1}",
      claims: { "kubernetes.io": { namespace: "etl" } },
    },
    { name: "mesh", issuer: "https://spire", subject: "spiffe://example.org/ns/*", client_id: "mesh/{1}" },
  ],
});

async function typed(args: readonly string[], stdin = "", files: Readonly<Record<string, string>> = {}) {
  const written = { stdout: "", stderr: "" };
  const code = await workloadsTry({
    args,
    env: {},
    stdout: { write: (text) => (written.stdout += text) },
    stderr: { write: (text) => (written.stderr += text) },
    readStdin: () => Promise.resolve(stdin),
    disk: memoryDisk({ "/etc/icemint.yaml": settings, ...files }),
    clock: () => NOW,
  });
  return { code, ...written };
}

const tryClaims = (claims: unknown) => typed(["/etc/icemint.yaml", "--claims-file", "-"], JSON.stringify(claims));

describe("icemint workloads try", () => {
  test("says which rule matches a token, and where others stop matching", async () => {
    const token = idpToken({ iss: CLUSTER, sub: ORDERS });
    const { code, stdout } = await typed(["/etc/icemint.yaml", "--token-file", "/token"], "", {
      "/token": `${token}\n`,
    });
    expect(stdout.split("\n")).toEqual([
      "shop: matches, client shop/orders",
      'etl: does not match: the subject does not match ("shop" stands where the pattern has "etl")',
      "mesh: does not match: the issuer is another one",
      "the token stands for client shop/orders",
      "",
    ]);
    expect(code).toBe(0);
  });

  test.each<[string, object, string]>([
    [
      "a claim is missing",
      { sub: "system:serviceaccount:etl:x" },
      "the claim kubernetes.io does not meet its condition",
    ],
    ["the depth is another", { sub: `${ORDERS}:x` }, "it has 5 parts, and the pattern 4"],
    ["a part has odd characters", { sub: `${ORDERS}%2F` }, "holds a character that no client id has"],
    ["the issuer has a final slash", { iss: `${CLUSTER}/`, sub: ORDERS }, "the issuer differs by a final slash"],
    ["there is no subject", {}, "iss or sub is missing"],
  ])("says why not where %s", async (_, claims, reason) => {
    const { code, stdout } = await tryClaims({ iss: CLUSTER, ...claims });
    expect(stdout).toContain(reason);
    expect(code).toBe(1);
  });

  test("knows a JWT-SVID without iss by its trust domain", async () => {
    expect((await tryClaims({ sub: "spiffe://example.org/ns/shop" })).stdout).toContain(
      "mesh: matches, client mesh/shop",
    );
  });

  test("says that a registered client wins", async () => {
    const { code, stdout } = await tryClaims({ iss: CLUSTER, sub: "system:serviceaccount:shop:pay" });
    expect(stdout).toContain("client pay is registered for this identity");
    expect(code).toBe(0);
  });

  test.each([["not a token"], ["e30.e30.!"]])("names no part of what it cannot read: %s", async (text) => {
    const { code, stdout, stderr } = await typed(["/etc/icemint.yaml", "--token-file", "-"], text);
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).not.toContain(text);
  });

  test.each([[[]], [["/etc/icemint.yaml"]], [["--token-file", "a", "--claims-file", "b", "/etc/icemint.yaml"]]])(
    "shows how it is called for %j",
    async (args) => {
      const { code, stderr } = await typed(args);
      expect([code, stderr]).toEqual([2, expect.stringContaining("usage: icemint workloads try")]);
    },
  );
});
