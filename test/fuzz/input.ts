/** From a seed to the bytes of one connection, always the same. */
import { Buffer } from "node:buffer";
import type { ByteScript } from "./byte-script.js";
import { http1Bytes } from "./http1-bytes.js";
import { http2Bytes } from "./http2-bytes.js";
import { toScript } from "./mutate.js";
import { Random } from "./random.js";

export function inputOf(seed: number): ByteScript {
  const random = new Random(seed);
  return toScript(random, connectionBytes(random));
}

function connectionBytes(random: Random): Buffer {
  switch (random.below(9)) {
    case 0:
    case 1:
    case 2:
      return http1Bytes(random);
    case 3: // one protocol, then the other, on one connection
      return Buffer.concat(
        random.oneIn(2) ? [http1Bytes(random), http2Bytes(random)] : [http2Bytes(random), http1Bytes(random)],
      );
    default:
      return http2Bytes(random);
  }
}
