/** The catalog and its clients, with nothing between them: the ground on which the other tests stand. */
import { expect, test } from "vitest";
import { icebergEngine } from "../engines.js";
import { IcebergCatalog } from "./iceberg-catalog.js";
import { javaIceberg, pyIceberg } from "./table-clients.js";

const engine = await icebergEngine("Catalog");
const clients = [await pyIceberg(), await javaIceberg()];
const noCatalog = "missing" in engine ? engine.missing : undefined;

for (const client of clients) {
  const missing = noCatalog ?? client.missing;
  test.skipIf(missing !== undefined)(
    `${client.name} writes and reads a table of a catalog that checks nobody${missing ?? ""}`,
    async () => {
      await using catalog = await IcebergCatalog.start(engine);
      await using program = client.start();
      const properties = { uri: catalog.url, token: "anything" };
      await program.resultOf({ do: "start", catalog: "lake", table: "db.t", properties });
      expect(await program.resultOf({ do: "append", catalog: "lake", table: "db.t", rows: 100 })).toBe(100);
      expect(await program.resultOf({ do: "append", catalog: "lake", table: "db.t", rows: 23 })).toBe(23);
      expect(await program.resultOf({ do: "count", catalog: "lake", table: "db.t" })).toBe(123);
      expect(catalog.requests()).toContainEqual(
        expect.objectContaining({
          method: "GET",
          headers: expect.objectContaining({ authorization: ["Bearer anything"] }),
        }),
      );
    },
  );
}
