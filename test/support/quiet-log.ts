import type { Log } from "../../src/oauth/log.js";

/** A log that keeps nothing. An error that nothing expected fails the test, wherever it is caught. */
export const quietLog: Log = {
  info() {},
  warn() {},
  fault(_place, error) {
    throw error;
  },
};
