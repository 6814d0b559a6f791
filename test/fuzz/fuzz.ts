/** Batch after batch of inputs against one server, until one of them harms it. */
import { inputOf } from "./input.js";
import { ServerUnderFuzz } from "./server-under-fuzz.js";

const BATCH = 32;
/** One input of so many is left to the server to end. */
const LEFT = 40;

export interface Finding {
  /** The seeds that are needed for it: one, or a whole batch if no single one does it. */
  readonly seeds: readonly number[];
  readonly faults: readonly string[];
}

export interface FuzzOptions {
  /** The first input; each next one is the next number. */
  readonly seed: number;
  /** Asked after each batch, with how many inputs were played. */
  readonly goOn: (played: number) => boolean;
}

/** Undefined if nothing was found before it was over. */
export async function fuzz({ seed, goOn }: FuzzOptions): Promise<Finding | undefined> {
  await using server = await ServerUnderFuzz.start();
  for (let played = 0; goOn(played); played += BATCH) {
    const seeds = Array.from({ length: BATCH }, (_, index) => (seed + played + index) >>> 0);
    await playSeeds(server, seeds);
    const faults = await server.faults();
    if (faults.length > 0) return narrow(seeds, faults);
  }
  return undefined;
}

async function playSeeds(server: ServerUnderFuzz, seeds: readonly number[]): Promise<void> {
  const left = seeds.filter((seed) => seed % LEFT === 0);
  const others = seeds.filter((seed) => seed % LEFT !== 0);
  await Promise.all([server.attack(others.map(inputOf)), ...left.map((seed) => server.leave(inputOf(seed)))]);
}

/** Looks for the one that does it: many times side by side, as some faults are a matter of which packet comes first. */
async function narrow(seeds: readonly number[], faults: readonly string[]): Promise<Finding> {
  await using server = await ServerUnderFuzz.start();
  for (const seed of seeds) {
    await server.attack(Array.from({ length: BATCH }, () => inputOf(seed)));
    const alone = await server.faults();
    if (alone.length > 0) return { seeds: [seed], faults: alone };
  }
  return { seeds, faults };
}
