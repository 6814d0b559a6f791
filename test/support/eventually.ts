import { setTimeout as sleep } from "node:timers/promises";
import { fairNow } from "./fair-time.js";

/** Waits until a condition holds; throws after `withinMs`. For what another process does in its own time. */
export async function eventually(
  what: string,
  holds: () => boolean | Promise<boolean>,
  withinMs = 5000,
): Promise<void> {
  const until = fairNow() + withinMs;
  while (!(await holds())) {
    if (fairNow() > until) throw new Error(`not within ${withinMs} ms: ${what}`);
    await sleep(5);
  }
}
