/**
 * Connections that no client would make, against the built server: every one that was ever found to do harm, and a few
 * hundred by chance. `npm run fuzz` goes on for as long as it is let.
 */
import { randomInt } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readScript, writeScript } from "../fuzz/byte-script.js";
import { fuzz } from "../fuzz/fuzz.js";
import { inputOf } from "../fuzz/input.js";
import { ServerUnderFuzz } from "../fuzz/server-under-fuzz.js";

const CORPUS = join(import.meta.dirname, "corpus");
const INPUTS = 320;
/** Some faults are a matter of which packet comes first. */
const SIDE_BY_SIDE = 20;

// SECURITY.md: "One request never ends the server".
describe("the server outlives", () => {
  let server: ServerUnderFuzz;
  beforeAll(async () => {
    server = await ServerUnderFuzz.start();
  });
  afterAll(() => server[Symbol.asyncDispose]());

  test.each(readdirSync(CORPUS).map((file) => [basename(file, ".txt"), join(CORPUS, file)]))("%s", async (_, file) => {
    const script = readScript(readFileSync(file, "utf8"));
    await server.attack(Array.from({ length: SIDE_BY_SIDE }, () => script));
    expect(await server.faults()).toEqual([]);
  });
});

test.each([1, 1_000_000, randomInt(2 ** 32)])(
  "inputs by chance from seed %i do no harm",
  { timeout: 120_000 },
  async (seed) => {
    expect(await fuzz({ seed, goOn: (played) => played < INPUTS })).toBeUndefined();
  },
);

test("a seed is always the same input, and a file of the corpus says all of it", () => {
  for (let seed = 0; seed < 500; seed++) {
    const text = writeScript(inputOf(seed), "");
    expect(writeScript(inputOf(seed), "")).toBe(text);
    expect(writeScript(readScript(text), "")).toBe(text);
  }
});
