/** The status page in Chromium: without its script the facts are there; with it the page is live; no policy is violated. */
import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import type { RunningApp } from "../support/running-app.js";
import { tool } from "../support/tool.js";
import { startStatusWorld } from "./support/status-world.js";

const run = promisify(execFile);
const chromium = tool("chromium", "apt-get install chromium");

let running: RunningApp;
let profile: string;
beforeAll(async () => {
  running = await startStatusWorld();
  profile = mkdtempSync(join(tmpdir(), "icemint-chromium-"));
});
afterAll(async () => {
  await running[Symbol.asyncDispose]();
  rmSync(profile, { recursive: true, force: true });
});

/** What the browser made of the page, and what it complained of. Async: the page's server is in this process. */
async function browse({ url = `${running.adminUrl}/` }: { readonly url?: string }, ...options: readonly string[]) {
  const common = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    `--user-data-dir=${profile}`,
  ];
  const { stdout, stderr } = await run(
    chromium.path,
    [...common, "--enable-logging=stderr", "--timeout=20000", ...options, url],
    { timeout: 60_000, maxBuffer: 16 * 1024 * 1024 },
  );
  return { dom: stdout, console: stderr.split("\n").filter((line) => line.includes("CONSOLE")) };
}

describe.skipIf(chromium.missing)(`in Chromium${chromium.reason}`, () => {
  test("the page is live, and the browser complains of nothing", async () => {
    const { dom, console } = await browse({}, "--dump-dom");
    expect(console).toEqual([]);
    expect(dom).toContain("Live: read again every 5 s.");
    expect(dom).toContain("nightly-etl");
    expect(dom).not.toMatch(/<img/);
  });

  test("the page reads itself again", async () => {
    const before = running.log.length;
    const { dom, console } = await browse({}, "--virtual-time-budget=12000", "--dump-dom");
    expect(console).toEqual([]);
    expect(dom).toContain("Live: read again every 5 s.");
    expect(dom).toContain("nightly-etl");
    expect(running.log.length).toBe(before);
  });

  test("where no script may run every fact is there", async () => {
    const page = await (await fetch(`${running.adminUrl}/`)).text();
    const server = createServer((_request, response) => {
      response
        .writeHead(200, { "Content-Type": "text/html", "Content-Security-Policy": "script-src 'none'" })
        .end(page);
    }).listen(0, "127.0.0.1");
    onTestFinished(() => void server.close());
    await once(server, "listening");
    const address = server.address();
    const { dom } = await browse(
      { url: `http://127.0.0.1:${typeof address === "object" ? address?.port : 0}/` },
      "--dump-dom",
    );
    expect(dom).toContain("Reload the page to read it again.");
    for (const fact of ["nightly-etl", "secret_expired", "Timeline", "1 subject"]) expect(dom).toContain(fact);
  });

  test.each([
    ["wide and light", "1280,1500", []],
    ["wide and dark", "1280,1500", ["--blink-settings=preferredColorScheme=0", "--force-dark-mode"]],
    ["narrow", "480,1800", []],
  ])("it is drawn %s", async (name, size, options) => {
    const file = join(process.env["ICEMINT_SCREENSHOTS"] ?? profile, `status-${name.replaceAll(" ", "-")}.png`);
    await browse({}, ...options, `--window-size=${size}`, "--hide-scrollbars", `--screenshot=${file}`);
    const picture = readFileSync(file);
    expect(picture.readUInt32BE(16)).toBe(Number(size.split(",")[0]));
    expect(picture.length).toBeGreaterThan(20_000);
  });
});
