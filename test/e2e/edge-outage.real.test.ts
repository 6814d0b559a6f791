/**
 * Iceberg's Java client, unmodified, through an outage of a third of a token's life, with an edge and without one. At an
 * `access_ttl` of an hour that is twice ten minutes. Real time passes.
 */
import { createHash, generateKeyPairSync, randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { generateSecret } from "../../src/config/clients/secret.js";
import { EdgeProcess } from "../support/edge-process.js";
import { freePort } from "../support/free-port.js";
import { ServerProcess } from "../support/server-process.js";
import { javaEngine } from "./engines.js";
import { FakeCatalog } from "./fake-catalog.js";
import { LineProgram } from "./line-program.js";

const java = await javaEngine();

const LIFE_SECONDS = 60;
/** Java refreshes after 54 s, in the middle of the outage. */
const AWAY_FROM_MS = 50_000;
const AWAY_UNTIL_MS = 70_000;
const END_MS = 100_000;

const title = `Iceberg for Java 1.12.0${"missing" in java ? java.missing : ""}`;

describe.skipIf("missing" in java)(title, { timeout: 180_000 }, () => {
  test("loses no request with an edge while the server is killed for a third of a token's life; without one it is dead for good", async () => {
    const secret = generateSecret(randomBytes);
    const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const port = await freePort();
    const start = () =>
      ServerProcess.start({
        settings: {
          tokens: { access_ttl: `${LIFE_SECONDS}s` },
          keys: { files: ["key.pem"] },
          clients: [{ id: "svc", secrets: [{ sha256: createHash("sha256").update(secret).digest("hex") }] }],
        },
        files: { "key.pem": privateKey.export({ type: "pkcs8", format: "pem" }).toString() },
        env: { ICEMINT_LISTEN: `127.0.0.1:${port}` },
      });
    const tokens = `http://127.0.0.1:${port}`;
    let server = await start();
    try {
      await using edge = await EdgeProcess.start({
        settings: {
          server: tokens,
          credential: { client_id: "svc", secret_file: "FOLDER/secret" },
          outbound: { listen: "127.0.0.1:0", tokens: [{ name: "lake", scope: "catalog" }] },
          admin: "127.0.0.1:0",
        },
        files: { secret },
      });
      await using catalog = await FakeCatalog.start({ tokens });
      if (!("command" in java)) throw new Error("no JVM");
      await using jvm = new LineProgram(java.command, java.args);
      const open = (name: string, tokenServer: string, credential: string) => {
        const properties = { uri: catalog.url, "oauth2-server-uri": `${tokenServer}/v1/oauth/tokens`, credential };
        return jvm.resultOf({ do: "start", catalog: name, properties });
      };
      await open("edged", `http://${edge.address("outbound")}`, "spark:no-secret-at-all");
      await open("direct", tokens, `svc:${secret}`);
      const failedAt: Record<"edged" | "direct", number[]> = { edged: [], direct: [] };
      const began = performance.now();
      const after = () => Math.round(performance.now() - began);
      let lists = 0;
      let phase: "up" | "away" | "back" = "up";
      while (after() < END_MS) {
        if (phase === "up" && after() > AWAY_FROM_MS) {
          await server.stop("SIGKILL");
          phase = "away";
        } else if (phase === "away" && after() > AWAY_UNTIL_MS) {
          await server[Symbol.asyncDispose]();
          server = await start();
          phase = "back";
        }
        lists += 1;
        for (const name of ["edged", "direct"] as const) {
          if ("error" in (await jvm.ask({ do: "list", catalog: name }))) failedAt[name].push(after());
        }
        await sleep(250);
      }
      expect(phase).toBe("back");
      expect(failedAt.edged).toEqual([]);
      // The token of the direct one ends at 60 s. The server is back at 70 s, and nothing comes of it.
      expect(failedAt.direct.length).toBeGreaterThan(lists / 10);
      expect(failedAt.direct.at(-1)).toBeGreaterThan(END_MS - 5000);
      const sent = new Set(catalog.claims().map(({ jti }) => jti));
      expect(sent.size).toBeGreaterThanOrEqual(3);
    } finally {
      await server[Symbol.asyncDispose]();
    }
  });
});
