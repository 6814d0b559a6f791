/** The script of `helm test`, run as the pod runs it, against servers that answer as icemint does or should not. */
import { expect, it } from "vitest";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer as createHttp1 } from "node:http";
import { createServer as createHttp2 } from "node:http2";
import type { Server } from "node:net";

const script = new URL("../../deploy/helm/icemint/files/helm-test.mjs", import.meta.url);

interface Answers {
  readonly keys: number;
  readonly error: string;
  /** A HealthCheckResponse in its gRPC frame. */
  readonly health: string;
}
const healthy: Answers = { keys: 1, error: "invalid_client", health: "00000000020801" };

async function listen(server: Server): Promise<string> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return `http://127.0.0.1:${address.port}`;
}

async function run({ keys, error, health }: Answers): Promise<{ readonly code: unknown; readonly output: string }> {
  const http = createHttp1((request, response) => {
    const isKeys = request.url === "/.well-known/jwks.json";
    response.writeHead(isKeys ? 200 : 401, { "content-type": "application/json" });
    response.end(JSON.stringify(isKeys ? { keys: Array.from({ length: keys }, () => ({})) } : { error }));
  });
  const grpc = createHttp2().on("stream", (stream) => {
    stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
    stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
    stream.end(Buffer.from(health, "hex"));
  });
  try {
    const env = { ...process.env, TARGET_HTTP: await listen(http), TARGET_GRPC: await listen(grpc) };
    const child = spawn(process.execPath, ["--input-type=module", "--eval", readFileSync(script, "utf8")], { env });
    const output: string[] = [];
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => output.push(String(chunk)));
    const [code]: unknown[] = await once(child, "close");
    return { code, output: output.join("") };
  } finally {
    http.close();
    grpc.close();
  }
}

it("helm test passes when there are keys, a refusal in OAuth's words, and gRPC health", async () => {
  const { code, output } = await run(healthy);
  expect(output.match(/^ok: /gm)).toHaveLength(3);
  expect(code).toBe(0);
});

it.each([
  ["no key is published", { ...healthy, keys: 0 }, "no keys"],
  ["a caller without credentials is refused in other words", { ...healthy, error: "teapot" }, "not refused"],
  ["gRPC health is not SERVING", { ...healthy, health: "00000000020802" }, "not SERVING"],
])("helm test fails, and says why, when %s", async (_, answers, words) => {
  const { code, output } = await run(answers);
  expect(output).toContain(words);
  expect(code).toBe(1);
});
