/** The admin port: alive, ready, metrics, and nothing else. */
import { once } from "node:events";
import { connect } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { eventually } from "../support/eventually.js";
import { createAdminServer, type AdminServer, type Part } from "../../src/transport/admin.js";

let admin: AdminServer | undefined;
afterEach(() => admin?.close());

let port = 0;

async function start(parts: readonly Part[], read: () => Promise<string> = async () => "up 1\n") {
  const metrics = { contentType: "text/plain; version=0.0.4; charset=utf-8", read };
  admin = createAdminServer({
    listen: { host: "127.0.0.1", port: 0 },
    parts: () => parts,
    metrics,
    status: undefined,
    onFault: () => {},
  });
  ({ port } = await admin.listen());
  return async (path: string, method = "GET") => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { method });
    return { status: response.status, type: response.headers.get("content-type"), body: await response.text() };
  };
}

describe("the admin port", () => {
  test("says that the process lives, whatever the parts say", async () => {
    const get = await start([{ name: "keys", state: "failing" }]);
    expect(await get("/livez")).toMatchObject({ status: 200, body: "ok\n" });
  });

  test.each([
    ["ok", 200, ["ok", "ok"]],
    ["degraded", 200, ["ok", "degraded"]],
    ["not ready", 503, ["degraded", "failing"]],
  ] as const)("says %s with %i when the parts are %s", async (verdict, status, states) => {
    const get = await start(states.map((state, at) => ({ name: `part-${at}`, state })));
    expect(await get("/readyz")).toMatchObject({ status, body: `${verdict}\n` });
  });

  test("lists each part and its age when asked to be verbose", async () => {
    const get = await start([
      { name: "keys", state: "ok", ageMs: 1500 },
      { name: "redis", state: "degraded", detail: "connection refused" },
      { name: "revocations", state: "failing", ageMs: Infinity },
    ]);
    const { body } = await get("/readyz?verbose");
    expect(body.split("\n")).toEqual([
      "[+] keys ok age=1.5s",
      "[~] redis degraded (connection refused)",
      "[-] revocations failing age=never",
      "not ready",
      "",
    ]);
  });

  test("shows the metrics with their content type; scrapes at one time share one reading", async () => {
    let reads = 0;
    const get = await start([], async () => {
      reads += 1;
      await new Promise((resolve) => setTimeout(resolve, 50));
      return "up 1\n";
    });
    const pages = await Promise.all([get("/metrics"), get("/metrics"), get("/metrics")]);
    expect(pages[0]).toEqual({ status: 200, type: "text/plain; version=0.0.4; charset=utf-8", body: "up 1\n" });
    expect(reads).toBe(1);
  });

  test("says 500 when the metrics cannot be read, and nothing of the cause", async () => {
    const get = await start([], () => Promise.reject(new Error("s3cr3t")));
    expect(await get("/metrics")).toMatchObject({ status: 500, body: "failed\n" });
  });

  // SECURITY.md: "Everything is bounded".
  test("answers each probe while a thousand connections say nothing, or stop in the middle of a request", async () => {
    const get = await start([]);
    let open = 0;
    const silent = Array.from({ length: 1000 }, (_, at) => {
      const socket = connect(port, "127.0.0.1", () => void (open += 1));
      if (at % 2 === 1) socket.write("GET /livez HTTP/1.1\r\nHost:");
      return socket.on("error", () => {}).once("close", () => void (open -= 1));
    });
    try {
      await Promise.all(silent.map((socket) => once(socket, "connect")));
      for (let at = 0; at < 20; at++) expect(await get("/livez")).toMatchObject({ status: 200 });
      await eventually("most of them were dropped", () => open <= 100);
    } finally {
      for (const socket of silent) socket.destroy();
    }
  });

  test("serves nothing else: no token, no other method", async () => {
    const get = await start([]);
    expect((await get("/v1/oauth/tokens", "POST")).status).toBe(404);
    expect((await get("/livez", "POST")).status).toBe(405);
    expect(await get("/livez", "HEAD")).toMatchObject({ status: 200, body: "" });
  });
});
