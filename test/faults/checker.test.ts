import { describe, expect, test } from "vitest";
import { breachesOf } from "../../chaos/checker.js";
import type { Call, Entry } from "../../chaos/history.js";
import { summarise } from "../../chaos/summary.js";

const LIMITS = { graceMs: 100, stalenessMs: 1000 };

/** A call that took one millisecond. */
function call(what: Call["what"], calledAt: number, more: Partial<Call> = {}): Call {
  return { who: "client", what, calledAt, answeredAt: calledAt + 1, outcome: "ok", ...more };
}

function granted(presented: number, calledAt: number): Call {
  return call("refresh_token", calledAt, { family: "f", session: "s", presented, successor: presented + 1 });
}

const revoked = (at: number): Call => call("revoke", at, { session: "s" });
const inForce = call("final", 9000, { session: "s", outcome: "inactive" });

describe("the checker of histories finds", () => {
  test.each<[string, readonly Entry[]]>([
    ["a refresh token that is good after the grace window", [granted(0, 0), granted(0, 102)]],
    ["two live refresh tokens of one family", [granted(0, 0), granted(1, 5), granted(0, 10)]],
    ["a generation that is left out", [call("refresh_token", 0, { family: "f", presented: 0, successor: 2 })]],
    ["a refresh that is accepted after the revocation", [revoked(0), inForce, granted(0, 1002)]],
    ["an exchange that is accepted after the revocation", [revoked(0), inForce, call("probe", 1002, { session: "s" })]],
    [
      "a session that lives on after its refresh token was reused",
      [call("reuse", 0, { session: "s", outcome: "400" }), call("probe", 1002, { session: "s" })],
    ],
    ["an acknowledged revocation that is not in force in the end", [revoked(0), call("final", 9000, { session: "s" })]],
    ["a revocation that nobody looked at in the end", [revoked(0)]],
    ["a look in the end that failed", [revoked(0), call("final", 9000, { session: "s", outcome: "503" })]],
    ["a revocation that a watcher missed", [revoked(0), inForce, call("watched", 5, { session: "another" })]],
  ])("%s", (_, history) => expect(breachesOf(history, LIMITS)).toHaveLength(1));
});

describe("the checker of histories is content with", () => {
  test.each<[string, readonly Entry[]]>([
    ["repeats inside the grace window", [granted(0, 0), granted(0, 50), granted(1, 60)]],
    ["what is accepted before another replica can know", [revoked(0), inForce, granted(0, 500)]],
    ["a revocation that was refused", [call("revoke", 0, { session: "s", outcome: "503" }), granted(0, 5000)]],
    [
      "what could not be known since Redis was away",
      [
        revoked(0),
        inForce,
        { who: "redis", what: "redis_away", calledAt: 10, answeredAt: 3000, outcome: "back" },
        call("probe", 3500, { session: "s" }),
      ],
    ],
  ])("%s", (_, history) => expect(breachesOf(history, LIMITS)).toEqual([]));
});

test("an outage lasts from the first call that fails to the next good answer of the same client", () => {
  const of = (who: string, calledAt: number, outcome: string) => call("client_credentials", calledAt, { who, outcome });
  const { stateless, resets } = summarise([
    of("a", 0, "ok"),
    of("a", 100, "503"),
    of("a", 200, "reset"),
    of("b", 250, "ok"),
    of("a", 300, "ok"),
    of("a", 400, "503"),
    of("a", 450, "ok"),
  ]);
  expect(stateless).toMatchObject({ requests: 7, refused: { "503": 2, reset: 1 }, longestOutageMs: 201 });
  expect(resets).toBe(1);
});
