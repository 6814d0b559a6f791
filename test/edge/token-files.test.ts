import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { TokenFile } from "../../src/edge/outbound/token-file.js";
import { answering } from "../client/scripted-endpoint.js";
import { eventually } from "../support/eventually.js";
import { FakeTime } from "../support/fake-time.js";
import { counting, startRig } from "./edge-rig.js";

/** A file in a folder of its own. */
function fileIn({ mode = 0o640, name = "lake.token" } = {}) {
  const folder = mkdtempSync(join(tmpdir(), "icemint-file-"));
  const path = join(folder, name);
  const time = new FakeTime();
  const failures: unknown[] = [];
  const { clock, pause } = time;
  const file = new TokenFile({ path, mode, clock, pause, onFailure: (error) => failures.push(error) });
  return {
    folder,
    path,
    time,
    file,
    failures,
    async put(token: string) {
      file.put(token);
      await eventually("the file is written", () => file.isWritten);
    },
    async [Symbol.asyncDispose]() {
      await file.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function jwt(exp: number): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  return `${part({ alg: "ES256" })}.${part({ exp })}.sig`;
}

describe("a token file", () => {
  test("holds the bare token with the mode of the settings, whatever the umask, and leaves nothing beside it", async () => {
    await using made = fileIn({ mode: 0o644 });
    const umask = process.umask(0o077);
    try {
      await made.put("t1");
    } finally {
      process.umask(umask);
    }
    expect(readFileSync(made.path, "utf8")).toBe("t1");
    expect(statSync(made.path).mode & 0o777).toBe(0o644);
    expect(readdirSync(made.folder)).toEqual(["lake.token"]);
  });

  test("is replaced by another file, never written into: who reads it in a loop sees whole tokens only", async () => {
    await using made = fileIn();
    const tokens = ["short", "x".repeat(8192)] as const;
    await made.put(tokens[0]);
    const seen = new Set<string>();
    const inodes = new Set<number>();
    for (let round = 0; round < 50; round += 1) {
      made.file.put(tokens[round % 2] ?? "");
      while (!made.file.isWritten) {
        seen.add(readFileSync(made.path, "utf8"));
        inodes.add(statSync(made.path).ino);
        await new Promise(setImmediate);
      }
    }
    expect([...seen].filter((text) => !tokens.some((token) => token === text))).toEqual([]);
    expect(inodes.size).toBeGreaterThan(1);
  });

  test("has a later second at each change: Kafka reloads when the time differs", async () => {
    await using made = fileIn();
    const seconds: number[] = [];
    for (const token of ["t1", "t2", "t3"]) {
      await made.put(token);
      seconds.push(Math.floor(statSync(made.path).mtimeMs / 1000));
    }
    expect(new Set(seconds).size).toBe(3);
    expect(seconds).toEqual(seconds.toSorted((a, b) => a - b));
  });

  test("gets the last of several tokens that come at once", async () => {
    await using made = fileIn();
    for (const token of ["t1", "t2", "t3"]) made.file.put(token);
    await eventually("the file is written", () => made.file.isWritten);
    expect(readFileSync(made.path, "utf8")).toBe("t3");
  });

  test("is written in spite of what a killed process left beside it", async () => {
    await using made = fileIn();
    writeFileSync(join(made.folder, ".lake.token.new"), "half");
    chmodSync(join(made.folder, ".lake.token.new"), 0o400);
    await made.put("t1");
    expect(readdirSync(made.folder)).toEqual(["lake.token"]);
  });

  test("that cannot be written is tried again", async () => {
    await using made = fileIn({ name: "missing/lake.token" });
    made.file.put("t1");
    await eventually("it failed", () => made.failures.length === 1);
    await eventually("it waits", () => made.time.waits.length === 1);
    expect(made.file.isWritten).toBe(false);
    mkdirSync(join(made.folder, "missing"));
    await made.time.pass(5000);
    await eventually("the file is written", () => made.file.isWritten);
    expect(readFileSync(made.path, "utf8")).toBe("t1");
  });

  test("that a former process left goes when its token expires, not before", async () => {
    await using made = fileIn();
    writeFileSync(made.path, jwt(made.time.clock() / 1000 + 60));
    const removed = made.file.removeExpired();
    await eventually("it waits", () => made.time.waits.length === 1);
    await made.time.pass(59_000);
    expect(readdirSync(made.folder)).toEqual(["lake.token"]);
    await made.time.pass(1000);
    await removed;
    await eventually("it is gone", () => readdirSync(made.folder).length === 0);
  });
});

describe("the file of an entry", () => {
  const outbound = { tokens: [{ name: "lake", scope: "catalog", file: "FOLDER/lake.token", mode: "0640" }] };

  test("follows the token, and is gone while there is none", async () => {
    await using rig = await startRig({ outbound });
    const path = join(rig.folder, "lake.token");
    const content = () => (readdirSync(rig.folder).includes("lake.token") ? readFileSync(path, "utf8") : undefined);
    await eventually("the first", () => content() === "t1");
    expect(statSync(path).mode & 0o777).toBe(0o640);
    await rig.time.pass(1_800_000);
    await eventually("the second", () => content() === "t2");
    rig.upstream.answer = answering(503, {});
    await rig.time.pass(3_590_000);
    expect(content()).toBe("t2");
    await rig.time.pass(10_000);
    await eventually("none", () => content() === undefined);
    expect((await rig.readyz()).status).toBe(503);
    rig.upstream.answer = counting();
    await eventually("another", async () => {
      await rig.time.pass(60_000);
      return content() === "t1";
    });
  });

  test("that cannot be written makes the edge not ready", async () => {
    await using rig = await startRig({
      outbound: { tokens: [{ name: "lake", file: "FOLDER/missing/lake.token" }] },
    });
    await eventually("it is known", async () => (await rig.readyz()).body.includes("not in its file"));
    expect((await rig.readyz()).status).toBe(503);
    expect(rig.log.join("")).not.toContain("t1");
  });
});
