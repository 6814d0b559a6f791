/** Owns the way to Redis. Every call ends within 300 ms, and every failure is `temporarily_unavailable`. */
import { stateUnavailable } from "../../oauth/error.js";
import type { Log } from "../../oauth/log.js";
import type { RedisLink } from "./redis-link.js";
import type { Script } from "./scripts.js";

/** Covers the few tries in a cluster, and sending a script that the server lacks. Promised: 300. */
const DEADLINE_MS = 280;

/** A key holds another type of value than icemint stores there: someone else wrote it. */
class WrongTypeError extends Error {
  override readonly message = "a key in Redis holds another type of value than icemint stores there";
}

/** Whether a call failed because its key holds another type of value. */
export function isWrongType(error: unknown): boolean {
  return error instanceof Error && error.cause instanceof WrongTypeError;
}

/** Calls commands and scripts, and knows whether the last one was answered. */
export class RedisCaller {
  readonly #link: RedisLink;
  readonly #log: Log;
  readonly #deadlineMs: number;
  /** Undefined before the first call. */
  #isUp: boolean | undefined;
  #failedCalls = 0;

  constructor(needs: { link: RedisLink; log: Log; deadlineMs?: number | undefined }) {
    this.#link = needs.link;
    this.#log = needs.log;
    this.#deadlineMs = needs.deadlineMs ?? DEADLINE_MS;
  }

  /** Whether the last call was answered. */
  get isUp(): boolean {
    return this.#isUp === true;
  }

  /** Calls that failed or timed out. */
  get failedCalls(): number {
    return this.#failedCalls;
  }

  /** Sends commands. Throws `temporarily_unavailable`; Redis may have done the work all the same. */
  async call<T>(send: (link: RedisLink) => Promise<T>): Promise<T> {
    try {
      const answer = await within(this.#deadlineMs, send(this.#link));
      this.#note(true);
      return answer;
    } catch (error) {
      this.#failedCalls += 1;
      if (error instanceof Error && error.message.includes("WRONGTYPE")) {
        this.#note(true); // it answers, but holds a value that icemint did not write
        throw stateUnavailable(new WrongTypeError());
      }
      const cause = withoutArguments(error);
      this.#note(false, cause);
      throw stateUnavailable(cause);
    }
  }

  /** Runs a script, by its digest if the server knows it. All keys are in one slot. */
  run(script: Script, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown> {
    return this.call((link) =>
      link.evalsha(script.sha1, keys.length, ...keys, ...args).catch((error: unknown) => {
        if (!(error instanceof Error) || !error.message.startsWith("NOSCRIPT")) throw error;
        return link.eval(script.lua, keys.length, ...keys, ...args);
      }),
    );
  }

  #note(isUp: boolean, cause?: Error): void {
    if (isUp === this.#isUp) return;
    this.#isUp = isUp;
    if (isUp) this.#log.info("redis answers");
    else this.#log.warn("redis is away", { reason: cause?.message });
  }
}

/**
 * ioredis's own `commandTimeout` would take a pause of this process for a dead server: its timer runs before answers
 * that came meanwhile are read. Here they are read first.
 */
function within<T>(deadlineMs: number, answer: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const fail = (): void => reject(new Error(`no answer within ${deadlineMs} ms`));
    const timer = setTimeout(() => setImmediate(fail), deadlineMs);
    const settle = <V>(end: (value: V) => void) => {
      return (value: V): void => {
        clearTimeout(timer);
        end(value);
      };
    };
    answer.then(settle(resolve), settle(reject));
  });
}

/** ioredis's errors carry the command and its arguments, which must not get into a log. */
function withoutArguments(error: unknown): Error {
  return new Error(error instanceof Error ? error.message.slice(0, 200) : "unknown failure");
}
