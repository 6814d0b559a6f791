/**
 * The way into the core, for both transports: read, pass the gate, work, show. Each refusal is audited once and each
 * unexpected error is reported once. The core does so for requests that reach its audited endpoints, and this file for
 * all others. It knows no protocol.
 */
import { OAuthError, toOAuthError } from "../oauth/error.js";
import type { Caller } from "../oauth/request.js";
import type { EndpointName, TransportEvents } from "../telemetry/events.js";

/** Bounds the requests inside the core. A client can retry after an early refusal, but not after a late answer. */
export interface Gate {
  /** Whether there is room now. Both transports ask before they collect a body. */
  admits(): boolean;
  /** Requests inside the core. */
  inFlight(): number;
  /** Requests that overload refused, since the start. */
  turnedAway(): number;
}

export interface AdmissionOptions {
  readonly maxInFlight: number;
  /** Whether the process runs late. No request passes until it has caught up. */
  readonly overloaded: () => boolean;
  readonly events: TransportEvents;
}

/** The steps of one endpoint. `read` and `work` refuse by throwing `OAuthError`. */
export interface Steps<Input, Plain, Result, Answer> {
  readonly endpoint: EndpointName;
  readonly read: (input: Input) => Plain;
  /** The core's part. */
  readonly work: (plain: Plain) => Result | Promise<Result>;
  readonly show: (result: Result, caller: Caller) => Answer;
}

/** The core audits every decision of these endpoints. */
const AUDITED_BY_CORE: ReadonlySet<EndpointName> = new Set([
  "token",
  "revoke",
  "introspect",
  "list_keys",
  "rotate_keys",
  "revoke_key",
  "watch_revocations",
  "list_clients",
  "list_revocations",
]);

export class Admission implements Gate {
  readonly #options: AdmissionOptions;
  #inside = 0;
  #refused = 0;

  constructor(options: AdmissionOptions) {
    this.#options = options;
  }

  admits(): boolean {
    const { maxInFlight, overloaded } = this.#options;
    const hasRoom = this.#inside < maxInFlight && !overloaded();
    if (!hasRoom) this.#refused += 1;
    return hasRoom;
  }

  inFlight(): number {
    return this.#inside;
  }

  turnedAway(): number {
    return this.#refused;
  }

  /** Audits a refusal that the core has not seen, and returns it. */
  refuse(endpoint: EndpointName, caller: Caller, thrown: unknown): OAuthError {
    const refusal = toOAuthError(thrown);
    this.#options.events.requestRefused(endpoint, caller, refusal, 0);
    return refusal;
  }

  /** Rejects with nothing but `OAuthError`. */
  async admit<Input, Plain, Result, Answer>(
    { endpoint, read, work, show }: Steps<Input, Plain, Result, Answer>,
    input: Input,
    caller: Caller,
  ): Promise<Answer> {
    let plain: Plain;
    try {
      plain = read(input);
      if (!this.admits()) throw overload();
    } catch (thrown) {
      throw this.refuse(endpoint, caller, thrown);
    }
    this.#inside += 1;
    try {
      return show(await work(plain), caller);
    } catch (thrown) {
      const audited = thrown instanceof OAuthError && AUDITED_BY_CORE.has(endpoint);
      throw audited ? thrown : this.refuse(endpoint, caller, thrown);
    } finally {
      this.#inside -= 1;
    }
  }
}

export function overload(): OAuthError {
  return new OAuthError("temporarily_unavailable", "OVERLOADED", "The server is overloaded. Try again.");
}
