import type { Failures } from "../failed-logins.js";

/** There is no other replica to tell, and none to hear from. */
export function createMemoryFailures(): Failures {
  return { spend() {}, follow() {} };
}
