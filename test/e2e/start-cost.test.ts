/** What a start reads. Time and memory of a start follow from it, and unlike them it can be counted on a busy machine. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { eventually } from "../support/eventually.js";
import { ServerProcess } from "../support/server-process.js";

/** Prints at a signal, as one line, the files and Node's own modules that the main thread has loaded. */
const LISTENER = `
  import { registerHooks } from "node:module";
  import { isMainThread } from "node:worker_threads";
  const loaded = [];
  if (isMainThread) {
    registerHooks({ load: (url, context, next) => (loaded.push(url), next(url, context)) });
    process.on("SIGUSR2", () => process.stderr.write(JSON.stringify({ loaded: [...loaded, ...process.moduleLoadList] }) + "\\n"));
  }
`;

describe("a server that has started", () => {
  let server: ServerProcess;
  let loaded: readonly string[];
  beforeAll(async () => {
    const listener = `data:text/javascript,${encodeURIComponent(LISTENER)}`;
    server = await ServerProcess.start({ env: { NODE_OPTIONS: `--import=${listener}` } });
    server.signal("SIGUSR2");
    await eventually("what is loaded is printed", () => server.log().length > 0);
    loaded = z.array(z.string()).parse(server.log()[0]?.["loaded"]);
  });
  afterAll(() => server[Symbol.asyncDispose]());

  test("has read few files, all of them its own", () => {
    const files = loaded.filter((name) => name.startsWith("file:")).map((url) => url.split("/dist/")[1]);
    expect(files).toContain("main.js");
    expect(files.filter((file) => file !== "main.js" && file?.startsWith("bundle/") !== true)).toEqual([]);
    expect(files.length).toBeLessThan(30);
  });

  test("has not loaded the client of Redis, which its settings do not name", () => {
    // Only of what is inside the package: a checkout may lie in a folder of any name.
    const own = loaded.map((name) => name.split("/dist/").at(-1) ?? name);
    expect(own.filter((name) => /redis/.test(name))).toEqual([]);
  });

  test("has not loaded undici, which one import of node:http by an ES module brings", () => {
    expect(loaded).toContain("NativeModule http");
    expect(loaded.filter((name) => name.includes("undici"))).toEqual([]);
  });
});
