/** Owns the way to Redis. Every call ends within 300 ms, and every failure is `temporarily_unavailable`. */
import { stateUnavailable } from "../../oauth/error.js";
import type { RedisLink } from "./redis-link.js";
import { NoAnswerError, type RedisStatus } from "./redis-status.js";
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

/** Calls commands and scripts, and tells the status how they ended. */
export class RedisCaller {
  readonly #link: RedisLink;
  readonly #status: RedisStatus;
  readonly #deadlineMs: number;
  #failedCalls = 0;

  constructor(needs: { link: RedisLink; status: RedisStatus; deadlineMs?: number | undefined }) {
    this.#link = needs.link;
    this.#status = needs.status;
    this.#deadlineMs = needs.deadlineMs ?? DEADLINE_MS;
  }

  /** Calls that failed or timed out. */
  get failedCalls(): number {
    return this.#failedCalls;
  }

  /** Sends commands. Throws `temporarily_unavailable`; Redis may have done the work all the same. */
  async call<T>(send: (link: RedisLink) => Promise<T>): Promise<T> {
    try {
      const answer = await within(this.#deadlineMs, send(this.#link));
      this.#status.answered();
      return answer;
    } catch (error) {
      this.#failedCalls += 1;
      if (error instanceof Error && error.message.includes("WRONGTYPE")) {
        this.#status.answered(); // but it holds a value that icemint did not write
        throw stateUnavailable(new WrongTypeError());
      }
      throw stateUnavailable(this.#status.failed(error));
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
}

/**
 * ioredis's own `commandTimeout` would take a pause of this process for a dead server: its timer runs before answers
 * that came meanwhile are read. Here they are read first.
 */
function within<T>(deadlineMs: number, answer: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const fail = (): void => reject(new NoAnswerError(deadlineMs));
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
