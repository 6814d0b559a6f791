/** What chance does to good bytes, and how they are cut into packets. */
import { Buffer } from "node:buffer";
import type { Random } from "./random.js";
import { send, type ByteScript, type Step } from "./byte-script.js";

/** Changes a few bytes, or none. */
export function mutate(random: Random, bytes: Buffer): Buffer {
  let changed = bytes;
  while (random.oneIn(3)) changed = once(random, changed);
  return changed;
}

function once(random: Random, bytes: Buffer): Buffer {
  const at = random.below(bytes.length + 1);
  const to = Math.min(bytes.length, at + 1 + random.below(random.oneIn(4) ? 200 : 8));
  const [before, within, after] = [bytes.subarray(0, at), bytes.subarray(at, to), bytes.subarray(to)];
  switch (random.below(5)) {
    case 0:
      return Buffer.concat([before, after]);
    case 1:
      return Buffer.concat([before, within, within, after]);
    case 2:
      return Buffer.concat([before, random.bytes(within.length), after]);
    case 3:
      return Buffer.concat([before, random.bytes(1 + random.below(16)), within, after]);
    default:
      return before;
  }
}

/** Cuts bytes into packets, seldom many, and ends the connection in some way. */
export function toScript(random: Random, bytes: Buffer): ByteScript {
  const steps: Step[] = [];
  const cuts = random.oneIn(3) ? random.below(6) : 0;
  const ends = Array.from({ length: cuts }, () => random.below(bytes.length + 1)).toSorted((a, b) => a - b);
  let from = 0;
  for (const end of [...ends, bytes.length]) {
    if (end > from) steps.push(send(bytes.subarray(from, end)), { kind: random.oneIn(6) ? "wait" : "flush" });
    from = end;
  }
  return [...steps, ...random.pick<readonly Step[]>(ENDINGS)];
}

const ENDINGS = [
  [{ kind: "wait" }],
  [{ kind: "wait" }, { kind: "end" }, { kind: "wait" }],
  [{ kind: "end" }, { kind: "wait" }],
  [{ kind: "reset" }],
  [{ kind: "wait" }, { kind: "reset" }],
] as const satisfies readonly (readonly Step[])[];
