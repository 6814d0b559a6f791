/**
 * Knows whether Redis answers, and what keeps it from doing all its work, in Redis' own words. Logs one line for each
 * change. It asks nobody: the connection and the calls tell it.
 */
import { SECOND } from "../../time/clock.js";
import type { Log } from "../../oauth/log.js";
import type { StorageTrouble, TroubleKind } from "../storage.js";

/** A trouble on a connection that answers is over when it has not been seen for this long: it may swing. */
const HOLD_MS = 10 * SECOND;
const MAX_REASON_LENGTH = 200;

/** The first that fits the error's code and text decides. */
const KINDS: readonly (readonly [RegExp, TroubleKind])[] = [
  [/\bOOM\b/, "full"],
  [
    /\b(WRONGPASS|NOAUTH)\b|invalid password|AUTH failed|without any password configured|AUTH <password>/i,
    "login_rejected",
  ],
  [/\bNOPERM\b/, "not_permitted"],
  [/\b(READONLY|MISCONF|NOREPLICAS)\b/, "read_only"],
  [/\b(LOADING|MASTERDOWN|CLUSTERDOWN|BUSY|TRYAGAIN)\b/, "not_ready"],
  [/\b(ENOTFOUND|EAI_\w+)\b/, "unknown_host"],
  // The last one is what a client without TLS makes of a TLS alert.
  [
    /\b(ERR_TLS|ERR_SSL|EPROTO)|CERT|SELF_SIGNED|UNABLE_TO_|before secure TLS|TLS handshake|SSL routines|Protocol error, got/,
    "tls_failed",
  ],
  [/\bECONNREFUSED\b/, "refused"],
  [/\bETIMEDOUT\b|\bno answer within\b|time-?out|timed out/i, "silent"],
];

/** The troubles that Redis may have while it answers other commands. */
const PARTIAL: ReadonlySet<TroubleKind> = new Set(["full", "read_only", "not_permitted", "refuses"]);

/** A call on a live connection that took too long. */
export class NoAnswerError extends Error {
  constructor(withinMs: number) {
    super(`no answer within ${withinMs} ms`);
  }
}

export class RedisStatus {
  readonly #log: Log;
  readonly #now: () => number;
  #isUp: boolean | undefined;
  /** Why the last connection failed, until a call is answered. */
  #connectionError: Error | undefined;
  #down: StorageTrouble | undefined;
  readonly #partial = new Map<TroubleKind, { readonly trouble: StorageTrouble; readonly until: number }>();
  #logged: TroubleKind | "ok" | undefined;

  /** `now`: monotonic, in milliseconds. */
  constructor({
    log,
    now = () => performance.now(),
  }: {
    readonly log: Log;
    readonly now?: (() => number) | undefined;
  }) {
    this.#log = log;
    this.#now = now;
  }

  /** Whether the last call was answered, even if by a refusal. */
  get isUp(): boolean {
    return this.#isUp === true;
  }

  /** The worst of the present troubles. */
  get trouble(): StorageTrouble | undefined {
    if (this.#down !== undefined) return this.#down;
    const now = this.#now();
    for (const [kind, { trouble, until }] of this.#partial) {
      if (until > now) return trouble;
      this.#partial.delete(kind);
    }
    return undefined;
  }

  /** A connection failed or could not be made. */
  connectionFailed(error: unknown): void {
    this.#connectionError = withoutArguments(error);
  }

  /** A connection can be used: the silence was that of the one before. */
  connected(): void {
    this.#partial.delete("silent");
  }

  /** A call was answered. */
  answered(): void {
    this.#isUp = true;
    this.#down = undefined;
    this.#connectionError = undefined;
    this.#logChange();
  }

  /** A call failed. Returns what may be logged of the cause. */
  failed(error: unknown): Error {
    const own = withoutArguments(error);
    const isReply = error instanceof Error && error.name === "ReplyError";
    const cause = isReply || error instanceof NoAnswerError ? own : (this.#connectionError ?? own);
    const kind = kindOf(cause) ?? (isReply ? "refuses" : "away");
    const trouble = { kind, reason: cause.message };
    this.#isUp = isReply && PARTIAL.has(kind);
    if (this.#isUp || error instanceof NoAnswerError) {
      this.#partial.set(kind, { trouble, until: this.#now() + HOLD_MS });
    } else {
      this.#down = trouble;
    }
    if (this.#isUp) this.#down = undefined;
    this.#logChange();
    return cause;
  }

  #logChange(): void {
    const { trouble } = this;
    const kind = trouble?.kind ?? "ok";
    if (kind === this.#logged) return;
    this.#logged = kind;
    if (trouble === undefined) this.#log.info("redis answers");
    else if (this.#isUp === true)
      this.#log.warn("redis refuses a part of its work", { state: kind, reason: trouble.reason });
    else this.#log.warn("redis is away", { state: kind, reason: trouble.reason });
  }
}

function kindOf(error: Error): TroubleKind | undefined {
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  return KINDS.find(([pattern]) => pattern.test(`${code} ${error.message}`))?.[1];
}

/** ioredis's errors carry the command and its arguments, which must not get into a log. */
function withoutArguments(error: unknown): Error {
  if (!(error instanceof Error)) return new Error("unknown failure");
  // A cluster says why in the error of its last node. A host of several addresses fails with one error for each.
  if ("lastNodeError" in error && error.lastNodeError instanceof Error) return withoutArguments(error.lastNodeError);
  if (error instanceof AggregateError && error.errors.length > 0) return withoutArguments(error.errors[0]);
  const code = "code" in error && typeof error.code === "string" ? { code: error.code } : {};
  return Object.assign(new Error(error.message.slice(0, MAX_REASON_LENGTH)), code);
}
