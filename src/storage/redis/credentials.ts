/**
 * Users and passwords of connections to Redis. Each is read when a connection is made: a password that was rotated in its
 * file is used from the next connection on.
 */
import { readFileSync } from "node:fs";
import type { RedisSettings } from "./redis-link.js";

/** Read again at each use. */
export interface Credentials {
  readonly username: string | undefined;
  readonly password: string | undefined;
}

/** The credentials of Redis itself. */
export function credentialsOf({ topology, username, passwordFile }: RedisSettings): Credentials {
  const password = lastGood(passwordFile);
  const url = topology.kind === "single" ? lastGood(topology.urlFile) : () => undefined;
  const fixed = topology.kind === "single" ? topology.url : "";
  const parsed = (): URL | null => URL.parse(url() ?? fixed);
  return {
    get username() {
      return username ?? decoded(parsed()?.username);
    },
    get password() {
      return password() ?? decoded(parsed()?.password);
    },
  };
}

/** The credentials of the Sentinels, under ioredis's names. */
export function sentinelCredentialsOf(
  topology: Pick<Extract<RedisSettings["topology"], { readonly kind: "sentinel" }>, "username" | "passwordFile">,
) {
  const password = lastGood(topology.passwordFile);
  return {
    sentinelUsername: topology.username,
    get sentinelPassword() {
      return password();
    },
  };
}

/** Reads a file, and goes on with what it said last while it cannot be read: it may be in the middle of a change. */
function lastGood(path: string | undefined): () => string | undefined {
  let last: string | undefined;
  return () => {
    if (path === undefined) return undefined;
    try {
      last = readFileSync(path, "utf8").replace(/\r?\n$/, "");
    } catch {
      // Redis says that the password is missing or wrong.
    }
    return last;
  };
}

/** Undefined for none. A part of a URL that is not percent-encoded stands for itself. */
function decoded(text: string | undefined): string | undefined {
  if (text === undefined || text === "") return undefined;
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
