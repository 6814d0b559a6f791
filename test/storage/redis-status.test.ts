import { beforeEach, describe, expect, test } from "vitest";
import { NoAnswerError, RedisStatus } from "../../src/storage/redis/redis-status.js";
import { type RecordedLog, recordedLog } from "../support/redis-deployment.js";

let log: RecordedLog;
let now: number;
let status: RedisStatus;

beforeEach(() => {
  log = recordedLog();
  now = 0;
  status = new RedisStatus({ log, now: () => now });
});

const reply = (message: string): Error => Object.assign(new Error(message), { name: "ReplyError" });
const closed = new Error("Stream isn't writeable and enableOfflineQueue options is false");

describe("what keeps Redis from its work", () => {
  test.each([
    ["OOM command not allowed when used memory > 'maxmemory'.", "full", true],
    ["ERR Error running script: @user_script:12: OOM command not allowed when used memory > 'maxmemory'", "full", true],
    ["READONLY You can't write against a read only replica.", "read_only", true],
    [
      "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk.",
      "read_only",
      true,
    ],
    ["NOPERM this user has no permissions to run the 'xadd' command", "not_permitted", true],
    ["ERR something else", "refuses", true],
    ["NOAUTH Authentication required.", "login_rejected", false],
    ["LOADING Redis is loading the dataset in memory", "not_ready", false],
    ["CLUSTERDOWN The cluster is down", "not_ready", false],
  ])("by Redis' own words: %s", (words, kind, isUp) => {
    status.failed(reply(words));
    expect(status.trouble).toEqual({ kind, reason: words });
    expect(status.isUp).toBe(isUp);
  });

  test.each([
    ["getaddrinfo ENOTFOUND redis.example", "ENOTFOUND", "unknown_host"],
    ["getaddrinfo EAI_AGAIN redis.example", "EAI_AGAIN", "unknown_host"],
    ["connect ECONNREFUSED 127.0.0.1:1", "ECONNREFUSED", "refused"],
    ["connect ETIMEDOUT", "ETIMEDOUT", "silent"],
    ["WRONGPASS invalid username-password pair or user is disabled.", "", "login_rejected"],
    ["self-signed certificate", "DEPTH_ZERO_SELF_SIGNED_CERT", "tls_failed"],
    ["Hostname/IP does not match certificate's altnames", "ERR_TLS_CERT_ALTNAME_INVALID", "tls_failed"],
    ["write EPROTO 0:error:0A00010B:SSL routines:ssl3_get_record:wrong version number", "EPROTO", "tls_failed"],
    ['Protocol error, got "\u0015" as reply type byte', "", "tls_failed"],
    ["read ECONNRESET", "ECONNRESET", "away"],
  ])("by the connection's last error, not by that of the call: %s", (words, code, kind) => {
    status.connectionFailed(Object.assign(new Error(words), { code }));
    status.failed(closed);
    expect(status.trouble).toEqual({ kind, reason: words });
    expect(status.isUp).toBe(false);
  });

  test("is taken from inside the errors of a cluster and of a host with several addresses", () => {
    const refused = Object.assign(new Error("connect ECONNREFUSED ::1:1"), { code: "ECONNREFUSED" });
    status.connectionFailed(Object.assign(new Error("Failed to refresh slots cache."), { lastNodeError: refused }));
    status.failed(closed);
    expect(status.trouble?.kind).toBe("refused");
    status.answered();
    status.connectionFailed(new AggregateError([refused], ""));
    status.failed(closed);
    expect(status.trouble).toEqual({ kind: "refused", reason: refused.message });
  });
});

describe("one line for each change", () => {
  test("a full Redis that answers reads is logged once, and once more ten seconds after the last refusal", () => {
    status.answered();
    for (let round = 0; round < 50; round += 1) {
      now += 100;
      status.answered();
      status.failed(reply("OOM command not allowed"));
    }
    now += 9_999;
    status.answered();
    expect(status.trouble?.kind).toBe("full");
    now += 1;
    status.answered();
    expect(status.trouble).toBeUndefined();
    expect(log.lines.map((line) => line.split(" {")[0])).toEqual([
      "redis answers",
      "redis refuses a part of its work",
      "redis answers",
    ]);
  });

  test("so is a Redis that now and then is too slow", () => {
    for (let round = 0; round < 50; round += 1) {
      now += 100;
      status.failed(new NoAnswerError(280));
      expect(status.isUp).toBe(false);
      status.answered();
      expect(status.isUp).toBe(true);
    }
    expect(log.lines).toEqual(['redis is away {"state":"silent","reason":"no answer within 280 ms"}']);
  });

  test("another cause is another line", () => {
    status.failed(closed);
    for (const code of ["ECONNREFUSED", "ECONNREFUSED", "ENOTFOUND"]) {
      status.connectionFailed(Object.assign(new Error(`connect ${code}`), { code }));
      status.failed(closed);
    }
    status.connected();
    status.answered();
    expect(log.lines).toEqual([
      `redis is away {"state":"away","reason":"${closed.message}"}`,
      'redis is away {"state":"refused","reason":"connect ECONNREFUSED"}',
      'redis is away {"state":"unknown_host","reason":"connect ENOTFOUND"}',
      "redis answers {}",
    ]);
  });

  test("a connection that was made again was not the silent one", () => {
    status.failed(new NoAnswerError(280));
    status.connected();
    status.answered();
    expect(status.trouble).toBeUndefined();
  });
});

test("what a command carried is neither kept nor logged", () => {
  const error = Object.assign(reply("ERR no"), { command: { name: "eval", args: ["the secret"] } });
  expect(Object.entries(status.failed(error))).toEqual([]);
  expect(log.lines.join()).not.toContain("the secret");
});
