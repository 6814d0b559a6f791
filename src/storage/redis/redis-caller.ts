/** The only way to Redis: every call ends within 300 ms, and every failure is `temporarily_unavailable`. */
import { stateUnavailable } from "../../oauth/error.js";
import type { StorageLog } from "../storage.js";
import type { RedisLink } from "./redis-link.js";
import type { Script } from "./scripts.js";

/** Above the 200 ms of one command, for the few tries that a cluster or a lost script takes; below the promised 300. */
const DEADLINE_MS = 280;

/** Calls commands and scripts, and knows whether the last one was answered. */
export class RedisCaller {
  readonly #link: RedisLink;
  readonly #log: StorageLog;
  #isUp = false;
  #hasBeenUp = false;

  constructor({ link, log }: { link: RedisLink; log: StorageLog }) {
    this.#link = link;
    this.#log = log;
  }

  /** Whether the last call was answered. */
  get isUp(): boolean {
    return this.#isUp;
  }

  /** Sends commands. Throws `temporarily_unavailable`: what was sent may have been done nevertheless. */
  async call<T>(send: (link: RedisLink) => Promise<T>): Promise<T> {
    try {
      const answer = await withinDeadline(send(this.#link));
      this.#note(true);
      return answer;
    } catch (error) {
      const cause = withoutArguments(error);
      this.#note(false, cause);
      throw stateUnavailable(cause);
    }
  }

  /** Runs a script, by its digest if the server knows it. All keys are in one slot. */
  run(script: Script, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown> {
    return this.call(async (link) => {
      try {
        return await link.evalsha(script.sha1, keys.length, ...keys, ...args);
      } catch (error) {
        if (!(error instanceof Error) || !error.message.startsWith("NOSCRIPT")) throw error;
        return link.eval(script.lua, keys.length, ...keys, ...args);
      }
    });
  }

  #note(isUp: boolean, cause?: Error): void {
    if (isUp === this.#isUp && (isUp || this.#hasBeenUp)) return;
    if (isUp) this.#log.info({}, "redis answers");
    else if (this.#isUp) this.#log.warn({ reason: cause?.message }, "redis is away");
    this.#isUp = isUp;
    this.#hasBeenUp ||= isUp;
  }
}

async function withinDeadline<T>(answer: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${DEADLINE_MS} ms`)), DEADLINE_MS);
  });
  try {
    return await Promise.race([answer, deadline]);
  } finally {
    clearTimeout(timer);
  }
}

/** ioredis's errors carry the command and its arguments, which must not get into a log. */
function withoutArguments(error: unknown): Error {
  return new Error(error instanceof Error ? error.message.slice(0, 200) : "unknown failure");
}
