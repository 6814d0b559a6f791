import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { type ConnectRouter, createRouterTransport } from "@connectrpc/connect";
import { describe, expect, test } from "vitest";
import { clientsList } from "../../src/cli/clients-list.js";
import { revocationsList } from "../../src/cli/revocations-list.js";
import { runCommand } from "../../src/cli/run-command.js";
import { type ListClientsRequest, OperatorService } from "../../src/gen/icemint/v1/operator_service_pb.js";

const at = (time: string) => timestampFromDate(new Date(time));
const SINCE = at("2026-01-01T00:00:00Z");

const ETL = {
  id: "etl",
  grants: ["client_credentials"],
  scopes: ["catalog"],
  secrets: [
    { name: "sha256:1a2b3c4d", expireTime: at("2026-03-01T00:00:00Z"), lastUseTime: at("2026-01-02T11:00:00Z") },
    { name: "env:OLD" },
  ],
  lastTokenTime: at("2026-01-02T11:00:00Z"),
  refusals: [{ reason: "secret_wrong", count: 7n }],
};

async function run(command: typeof clientsList, args: readonly string[], { isAway = false, revoked = true } = {}) {
  const asked: ListClientsRequest[] = [];
  const since = isAway ? {} : { usesRecordedSince: SINCE };
  const routes = (router: ConnectRouter) =>
    router.service(OperatorService, {
      listClients(request) {
        asked.push(request);
        if (request.pageToken === "") return { clients: [ETL], nextPageToken: "etl", ...since };
        return { clients: [{ id: "odd\u001B[31m", disabled: true, workload: "shop" }], ...since };
      },
      listRevocations: () =>
        revoked
          ? {
              revocations: [
                { kind: "client", id: "spark", notBeforeTime: SINCE, expireTime: at("2026-01-02T00:00:00Z") },
                { kind: "session", id: "s".repeat(22), expireTime: at("2026-01-03T00:00:00Z") },
              ],
              counts: [
                { kind: "client", count: 1n },
                { kind: "session", count: 2000n },
              ],
            }
          : {},
    });
  let [out, err] = ["", ""];
  const code = await command({
    args,
    env: { ICEMINT_CLIENT_ID: "watcher", ICEMINT_CLIENT_SECRET: "s3cret" },
    stdout: { write: (text) => (out += text) },
    stderr: { write: (text) => (err += text) },
    openTransport: () => ({ transport: createRouterTransport(routes), close() {} }),
  });
  return { code, out, err, asked };
}

describe("clients list", () => {
  test("shows every page as one table, and since when use is recorded", async () => {
    const { code, out } = await run(clientsList, []);
    expect(code).toBe(0);
    expect(out.split("\n").map((line) => line.replace(/ {2,}/g, "  "))).toEqual([
      "CLIENT  RULE  GRANTS  SCOPES  SECRETS  LAST TOKEN  REFUSED IN THE LAST HOUR",
      "etl  -  client_credentials  catalog  sha256:1a2b3c4d until 2026-03-01T00:00:00Z, used 2026-01-02T11:00:00Z; env:OLD never expires, no use  2026-01-02T11:00:00Z  secret_wrong 7",
      "odd?[31m (disabled)  shop  -  -  -  none  -",
      "",
      'Use is recorded since 2026-01-01T00:00:00Z: "none" and "no use" say nothing of the time before.',
      "",
    ]);
  });

  test("says nothing of use while nobody knows it", async () => {
    const { out } = await run(clientsList, [], { isAway: true });
    expect(out).toContain("not known");
    expect(out).not.toMatch(/, no use|\bnone\b/);
    expect(out).toContain("The shared state is away");
  });

  test("asks for secrets that expire soon, and answers as JSON", async () => {
    const { out, asked } = await run(clientsList, ["--expiring", "30d", "--json"]);
    expect(asked.map(({ expiringWithin }) => expiringWithin?.seconds)).toEqual([2592000n, 2592000n]);
    expect(JSON.parse(out)).toMatchObject({ usesRecordedSince: "2026-01-01T00:00:00Z", clients: [{ id: "etl" }, {}] });
  });
});

test("revocations list shows what is in force, and how many there are", async () => {
  const { code, out } = await run(revocationsList, []);
  expect(code).toBe(0);
  expect(out).toMatch(/^KIND +OF +ENDS +FORGOTTEN\n/);
  expect(out).toMatch(/^client +spark +sessions begun up to 2026-01-01T00:00:00Z +2026-01-02T00:00:00Z$/m);
  expect(out).toContain("2001 in force (1 client, 2000 session); 2 shown.");
  expect((await run(revocationsList, [], { revoked: false })).out).toBe("Nothing is revoked.\n");
  expect(JSON.parse((await run(revocationsList, ["--json"])).out)).toMatchObject({ counts: [{ kind: "client" }, {}] });
});

test.each([["--expiring", "soon"], ["more"], ["--secret", "x"]])("%s is answered with the usage", async (...args) => {
  expect(await run(clientsList, args)).toMatchObject({ code: 2, asked: [] });
  expect(await run(revocationsList, args)).toMatchObject({ code: 2 });
});

test.each([
  ["client", "list"],
  ["clients", "list"],
  ["revocation", "list"],
  ["revocations", "list"],
  ["key", "list"],
  ["clients", "new"],
])("'%s %s' is a command, whether in the singular or the plural", async (...args) => {
  let out = "";
  const context = {
    args: [...args, "--help"],
    env: {},
    isTerminal: false,
    stdout: { write: (text: string) => (out += text) },
    stderr: { write: () => true },
    readStdin: async () => "",
    onSignal() {},
    onCrash() {},
    exit() {},
  };
  expect(await runCommand({ ...context, readSecret: async () => "", confirm: async () => undefined })).toBe(0);
  expect(out).toMatch(/^usage: icemint (?:clients? (?:list|new)|revocations list|keys list)/);
});
