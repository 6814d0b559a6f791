import { OAuthError } from "../oauth/error.js";

/** Lets a bounded number of requests into the core at once. */
export interface Gate {
  /** Whether there is room now: asked before a body is collected, and then for good by `enter`. */
  admits(): boolean;
  /** Throws `temporarily_unavailable` (`OVERLOADED`) if there is no room. Whoever passes must call `leave`. */
  enter(): void;
  leave(): void;
  /** How many are inside. */
  inFlight(): number;
  /** How many were turned away. */
  turnedAway(): number;
}

/** The refusal of one for whom there is no room. */
export function overload(): OAuthError {
  return new OAuthError("temporarily_unavailable", "OVERLOADED", "The server is overloaded. Try again.");
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
  function admits(): boolean {
    const hasRoom = inside < maxInFlight && !overloaded();
    if (!hasRoom) refused += 1;
    return hasRoom;
  }
  return {
    admits,
    enter() {
      if (!admits()) throw overload();
      inside += 1;
    },
    leave() {
      inside -= 1;
    },
    inFlight: () => inside,
    turnedAway: () => refused,
  };
}
