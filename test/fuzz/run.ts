/** `npm run fuzz -- [--seed N] [--seconds N]`: on and on with fresh inputs. What is found becomes a file of the corpus. */
import { randomInt } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { writeScript } from "./byte-script.js";
import { fuzz } from "./fuzz.js";
import { inputOf } from "./input.js";

const { values } = parseArgs({ options: { seed: { type: "string" }, seconds: { type: "string" } } });
const seed = values.seed === undefined ? randomInt(2 ** 32 - 1) : Number(values.seed);
const until = values.seconds === undefined ? Infinity : Date.now() + Number(values.seconds) * 1000;

console.log(`seed ${seed}`);
let told = Date.now();
const found = await fuzz({
  seed,
  goOn(played) {
    if (Date.now() - told > 10_000) {
      told = Date.now();
      console.log(`${played} inputs`);
    }
    if (Date.now() < until) return true;
    console.log(`${played} inputs, nothing found`);
    return false;
  },
});
if (found !== undefined) {
  process.exitCode = 1;
  console.log(found.faults.join("\n"));
  const [first = seed, ...others] = found.seeds;
  if (others.length > 0) console.log(`no input does it alone: --seed ${first} plays the batch again`);
  else {
    const file = join("test/attack/corpus", `seed-${first}.txt`);
    writeFileSync(file, writeScript(inputOf(first), `seed ${first}`));
    console.log(`${file}: name it for what it does`);
  }
}
