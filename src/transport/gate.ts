import { OAuthError } from "../oauth/error.js";

/** Lets a bounded number of requests into the core at once. */
export interface Gate {
  /** Throws `temporarily_unavailable` (`OVERLOADED`) if there is no room. Whoever passes must call `leave`. */
  enter(): void;
  leave(): void;
  /** How many are inside. */
  inFlight(): number;
  /** How many were turned away. */
  turnedAway(): number;
}

/** What the gate goes by. */
export interface GateOptions {
  readonly maxInFlight: number;
  /** Whether the process runs late: then nobody passes until it has caught up. */
  readonly overloaded: () => boolean;
}

/** Makes a gate. An early refusal that says when to come back keeps clients alive; a late answer does not. */
export function createGate({ maxInFlight, overloaded }: GateOptions): Gate {
  let inside = 0;
  let refused = 0;
  return {
    enter() {
      if (inside >= maxInFlight || overloaded()) {
        refused += 1;
        throw new OAuthError("temporarily_unavailable", "OVERLOADED", "The server is overloaded. Try again.", {
          retryAfterSeconds: 1,
        });
      }
      inside += 1;
    },
    leave() {
      inside -= 1;
    },
    inFlight: () => inside,
    turnedAway: () => refused,
  };
}
