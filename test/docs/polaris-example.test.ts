/** What examples/polaris holds fits together, and is accepted as it stands. */
import { mkdirSync, mkdtempSync, copyFileSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { readConfig } from "../../src/config/read.js";
import { localDisk } from "../../src/config/reading/disk.js";
import { projectRoot } from "../support/tool.js";

const EXAMPLE = join(projectRoot, "examples/polaris");
const page = readFileSync(join(projectRoot, "docs/catalogs.md"), "utf8");
const properties = (name: string): ReadonlyMap<string, string> =>
  new Map(
    [...readFileSync(join(EXAMPLE, name), "utf8").matchAll(/^([^#=\n][^=\n]*)=(.*)$/gm)].map(
      ([, key = "", value = ""]) => [key, value],
    ),
  );

const folder = mkdtempSync(join(tmpdir(), "icemint-polaris-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** The secrets that the page says to make. */
const ids = /for id in ([\w -]+); do/.exec(page)?.[1]?.split(" ") ?? [];

function readExample() {
  mkdirSync(join(folder, "secrets"), { recursive: true });
  for (const id of ids) writeFileSync(join(folder, "secrets", id), `a-secret-of-${id}-alone-0123\n`);
  copyFileSync(join(EXAMPLE, "icemint.yaml"), join(folder, "icemint.yaml"));
  return readConfig({ file: join(folder, "icemint.yaml"), env: {}, disk: localDisk, clock: () => Date.now() });
}

test("icemint.yaml is accepted with the secrets that the page makes, and warns only of what the page explains", () => {
  const { clients, warnings } = readExample();
  expect(clients.map(({ id }) => id)).toEqual(ids);
  const unexplained = warnings.filter((text) => !/in memory|for this run|lacks catalog.*\(root, notebook\)/.test(text));
  expect(unexplained).toEqual([]);
  expect(page).toContain("It warns that `root` and `notebook` may not have the scope `catalog`");
});

test("Polaris trusts the issuer and the audience that icemint.yaml gives", () => {
  const { issuer, clients } = readExample();
  const polaris = properties("application.properties");
  expect(polaris.get("quarkus.oidc.auth-server-url")).toBe(issuer);
  const audience = polaris.get("quarkus.oidc.token.audience");
  for (const { id, audiences } of clients.filter((client) => client.id !== "polaris")) {
    expect([id, [...audiences.allowed]]).toEqual([id, [audience]]);
  }
  expect(clients.find(({ id }) => id === polaris.get("quarkus.oidc.client-id"))?.serves).toEqual(new Set([audience]));
  expect(properties("application-introspect.properties").get("quarkus.oidc.token.required-claims.aud")).toBe(audience);
});

test("a limited client can get no scope that activates all roles", () => {
  const notebook = readExample().clients.find(({ id }) => id === "notebook");
  expect([...(notebook?.scopes.allowed ?? [])]).toEqual(["PRINCIPAL_ROLE:reader"]);
});
