import { expect, test } from "vitest";
import { ServerProcess } from "../support/server-process.js";

test("started without settings it prints where it listens", async () => {
  await using server = await ServerProcess.start();
  console.log(process.execPath, server.stdout, server.stderr);
  expect(server.stdout).toContain(`${server.url}/v1/oauth/tokens`);
});
test("with settings", async () => {
  await using server = await ServerProcess.start({ settings: { clients: [{ id: "a", secrets: [{ file: "s" }] }] } });
  console.log(process.execPath, server.stdout, server.stderr);
});
