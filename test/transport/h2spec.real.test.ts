/** h2spec, the conformance tests of HTTP/2 by a third party: what the server gets wrong, a bare `node:http2` does too. */
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { once } from "node:events";
import http2 from "node:http2";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { ServerProcess } from "../support/server-process.js";
import { tool } from "../support/tool.js";

const h2spec = tool("h2spec");
const MINUTES_MS = 180_000;

interface Report {
  readonly passed: readonly string[];
  readonly failed: readonly string[];
}

/** Runs all of it against a port, at a path that answers GET and POST. */
async function examine(port: number): Promise<Report> {
  const folder = mkdtempSync(join(tmpdir(), "icemint-h2spec-"));
  try {
    const file = join(folder, "report.xml");
    const args = ["--port", String(port), "--path", "/errors", "--timeout", "3", "--junit-report", file];
    const { promise, resolve } = Promise.withResolvers<void>();
    execFile(h2spec.path, args, { timeout: MINUTES_MS }, () => resolve()); // its exit code is that of any failure
    await promise;
    return read(readFileSync(file, "utf8"));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A case is an element with a `<failure>`, with an `<error>`, or with none. */
function read(xml: string): Report {
  const cases = [...xml.matchAll(/<testcase package="([^"]*)" classname="([^"]*)"[^>]*?(?:\/>|>([^]*?)<\/testcase>)/g)];
  const named = cases.map(([, section, name, content = ""]) => ({
    name: `${section}: ${name}`,
    isWrong: /<(failure|error)\b/.test(content),
  }));
  return {
    passed: named.filter(({ isWrong }) => !isWrong).map(({ name }) => name),
    failed: named.filter(({ isWrong }) => isWrong).map(({ name }) => name),
  };
}

async function examineBare(): Promise<Report> {
  const bare = http2.createServer((request, response) => {
    request.resume();
    request.on("end", () => response.end("<p>a bare server</p>"));
    response.on("error", () => {});
  });
  bare.on("sessionError", () => {});
  await once(bare.listen(0, "127.0.0.1"), "listening");
  try {
    return await examine((bare.address() as AddressInfo).port);
  } finally {
    bare.close();
  }
}

describe.skipIf(h2spec.missing)(`h2spec${h2spec.reason}`, () => {
  test("fails the server nowhere but where it fails a bare node:http2", { timeout: 2 * MINUTES_MS }, async () => {
    await using server = await ServerProcess.start();
    const bare = await examineBare();
    const ours = await examine(Number(new URL(server.url).port));
    expect(ours.passed.length + ours.failed.length).toBeGreaterThan(140);
    expect(bare.passed.length + bare.failed.length).toBe(ours.passed.length + ours.failed.length);
    expect(ours.failed.filter((name) => !bare.failed.includes(name))).toEqual([]);
  });
});
