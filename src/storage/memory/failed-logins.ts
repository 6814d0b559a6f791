import type { FailedLogins } from "../failed-logins.js";

/** There is no other replica to tell, and none to hear from. */
export function createMemoryFailedLogins(): FailedLogins {
  return { spend() {}, follow() {} };
}
