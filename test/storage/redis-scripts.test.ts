import { readFileSync, readdirSync } from "node:fs";
import { expect, test } from "vitest";
import { committed, rendered } from "../../scripts/embed-lua.js";

const FOLDER = new URL("../../src/storage/redis/lua/", import.meta.url);
const scripts = readdirSync(FOLDER).map((name) => ({ name, lua: readFileSync(new URL(name, FOLDER), "utf8") }));

test("the embedded scripts are what the Lua files make; if not, run `npm exec -- node scripts/embed-lua.ts`", () => {
  expect(committed()).toBe(rendered());
});

test.each(scripts)(
  "$name opens with its keys, arguments, answer and why it is atomic, and spells no key",
  ({ lua }) => {
    for (const part of ["KEYS[1]", "ARGV", "Returns", "tomic"]) expect(lua.split("\n\n")[0]).toContain(part);
    expect(lua.split("\n").length).toBeLessThanOrEqual(60);
    // Whatever follows `redis.call('COMMAND', ` must come from KEYS: otherwise a cluster cannot route the script.
    const calls = [...lua.matchAll(/redis\.p?call\('(\w+)'(?:, ('STREAM', )?(\S+))?/g)];
    for (const [, command, , key = "KEYS["] of calls) {
      if (command !== "INFO") expect(key).toMatch(/^KEYS\[/);
    }
  },
);
