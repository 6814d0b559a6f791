/**
 * Apache Polaris with the files of examples/polaris, as docs/catalogs.md says: ICEMINT_TEST_POLARIS names one that was
 * started with `application.properties` and nothing in it. icemint takes the example's address, 127.0.0.1:8181.
 */
import { execFile } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { TABLE_PACKAGES, pythonEnvironment } from "../support/python-env.js";
import { ServerProcess, cleanEnvironment } from "../support/server-process.js";
import { projectRoot, skipped } from "../support/tool.js";

const run = promisify(execFile);
const EXAMPLE = join(projectRoot, "examples/polaris");
const LISTEN = "127.0.0.1:8181";
const SECRETS = ["root", "spark-etl", "notebook", "polaris"];

const polaris = process.env["ICEMINT_TEST_POLARIS"];
const python =
  polaris === undefined ? { missing: skipped("no ICEMINT_TEST_POLARIS") } : await pythonEnvironment(...TABLE_PACKAGES);

describe.skipIf("missing" in python)(
  `Apache Polaris${"missing" in python ? python.missing : ""}`,
  { timeout: 240_000 },
  () => {
    let server: ServerProcess;
    const env = cleanEnvironment({ POLARIS: polaris ?? "", TOKENS: `http://${LISTEN}/v1/oauth/tokens` });
    const secretOf = (id: string): string => `a-secret-of-${id}-alone-0123`;

    beforeAll(async () => {
      const settings = readFileSync(join(EXAMPLE, "icemint.yaml"), "utf8").replaceAll("secrets/", "");
      const files = Object.fromEntries(SECRETS.map((id) => [id, secretOf(id)]));
      server = await ServerProcess.start({ settings, files, env: { ICEMINT_LISTEN: LISTEN } });
      // The example's own programs read the secrets from a folder beside them.
      mkdirSync(join(server.folder, "secrets"));
      for (const id of SECRETS) writeFileSync(join(server.folder, "secrets", id), secretOf(id));
      for (const name of ["setup.sh", "rows.py"]) copyFileSync(join(EXAMPLE, name), join(server.folder, name));
    });
    afterAll(() => (server as ServerProcess | undefined)?.[Symbol.asyncDispose]());

    async function tokenOf(id: string, scope: string): Promise<string> {
      const body = new URLSearchParams({
        grant_type: "client_credentials",
        client_id: id,
        client_secret: secretOf(id),
        scope,
      });
      const answer = await fetch(`http://${LISTEN}/v1/oauth/tokens`, { method: "POST", body });
      return ((await answer.json()) as { readonly access_token: string }).access_token;
    }

    async function createsNamespace(token: string, name: string): Promise<number> {
      const { status } = await fetch(`${polaris}/api/catalog/v1/lake/namespaces`, {
        method: "POST",
        headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
        body: JSON.stringify({ namespace: [name] }),
      });
      return status;
    }

    test("is set up by its administrator, whose client is named root; a repeat changes nothing", async () => {
      const warehouse = join(tmpdir(), "icemint-polaris-warehouse");
      mkdirSync(warehouse, { recursive: true });
      const setUp = () => run("sh", [join(server.folder, "setup.sh"), warehouse], { env });
      await setUp();
      expect((await setUp()).stdout.split("\n")).toContain("409 POST catalogs");
    });

    test("lets PyIceberg create, write and read a table", async () => {
      const interpreter = "python" in python ? python.python : "";
      const rows = async () => {
        const { stdout } = await run(interpreter, [join(server.folder, "rows.py")], { env });
        return Number(/^(\d+) rows$/m.exec(stdout)?.[1]);
      };
      const first = await rows();
      expect(await rows()).toBe(first + 1000);
    });

    test("activates the role that the scope names, and all of them for catalog", async () => {
      expect(await createsNamespace(await tokenOf("notebook", "PRINCIPAL_ROLE:reader"), "refused")).toBe(403);
      const name = `ns${Date.now()}`;
      expect(await createsNamespace(await tokenOf("spark-etl", "catalog"), name)).toBe(200);
      expect(await createsNamespace(await tokenOf("spark-etl", "PRINCIPAL_ROLE:etl"), `${name}b`)).toBe(200);
    });

    test("refuses a token for another audience, and one that is changed", async () => {
      const token = await tokenOf("root", "PRINCIPAL_ROLE:ALL");
      expect(await createsNamespace(`${token.slice(0, -3)}abc`, "refused")).toBe(401);
      server.writeSettings(
        readFileSync(server.settingsFile, "utf8").replaceAll(
          "allowed: [http://127.0.0.1:8281]",
          "allowed: [http://other]",
        ),
      );
      server.signal("SIGHUP");
      await expect
        .poll(async () => createsNamespace(await tokenOf("root", "PRINCIPAL_ROLE:ALL"), "refused"), { timeout: 10_000 })
        .toBe(401);
    });
  },
);
