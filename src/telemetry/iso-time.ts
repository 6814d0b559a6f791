import type { Clock } from "../oauth/clock.js";

/** The present as ISO 8601 text, made once a millisecond however many lines want it. */
export function isoTime(clock: Clock): () => string {
  let at = Number.NaN;
  let text = "";
  return () => {
    const now = clock();
    if (now !== at) {
      at = now;
      text = new Date(now).toISOString();
    }
    return text;
  };
}
