/** What a scenario must come to. */
import { type Entry, isCall } from "./history.js";
import { type Counts, STATEFUL, STATELESS, type Summary, refusals } from "./summary.js";

export interface Evidence {
  readonly entries: readonly Entry[];
  readonly summary: Summary;
  /** What the machine added to times: none is taken for slower than the promise unless it is by more than this. */
  readonly noiseMs: number;
}

/** Says in words how the evidence falls short; nothing if it does not. */
export type Requirement = (evidence: Evidence) => readonly string[];

/** Iceberg's Java client gives up after 3.3 s. */
const LONGEST_OUTAGE_MS = 3000;
/** Whatever Redis does. */
const SLOWEST_MS = 300;
const BACK_WITHIN_MS = 3000;

/** No request of any kind failed. */
export const nothingRefused: Requirement = ({ summary }) => [
  ...refusedBy(summary.stateless, "client credentials and Iceberg refreshes"),
  ...refusedBy(summary.stateful, "refresh tokens, revocations and users' exchanges"),
  ...complaint(summary.resets, "connections were reset"),
  ...complaint(summary.lost, "sessions were lost"),
];

/**
 * Refresh tokens of a release without MACs are refused; nothing else is, and each such client goes on at once with a new
 * session (docs/state.md, "Upgrading from a release without MACs").
 */
export const onlyOldRefreshTokensRefused: Requirement = ({ entries, summary }) => {
  const others = entries.filter(isCall).filter(({ what, outcome }) => {
    const isStateful = what === "begin" || what === "revoke" || what === "refresh_token";
    return isStateful && outcome !== "ok" && !(what === "refresh_token" && outcome === "400");
  });
  return [
    ...refusedBy(summary.stateless, "client credentials and Iceberg refreshes"),
    ...complaint(others.length, "revocations and users' exchanges were refused, or refresh tokens for another reason"),
    ...complaint(summary.resets, "connections were reset"),
  ];
};

/** No client was without a token for as long as Iceberg's Java client endures. */
export const noLongOutage: Requirement = ({ summary }) => {
  const { longestOutageMs } = summary.stateless;
  return longestOutageMs < LONGEST_OUTAGE_MS ? [] : [`a client got no token for ${Math.round(longestOutageMs)} ms`];
};

/** What needs no shared state went on as if nothing were, at its usual speed: every answer within `withinMs`. */
export const tokensGoOn =
  (withinMs = SLOWEST_MS): Requirement =>
  ({ summary, noiseMs }) => {
    const { slowestMs } = summary.stateless;
    return [
      ...refusedBy(summary.stateless, "client credentials and Iceberg refreshes"),
      ...(slowestMs > withinMs + noiseMs ? [`a token took ${Math.round(slowestMs)} ms`] : []),
    ];
  };

/**
 * What needs Redis was told 503 within `withinMs`, worked again soon after its return, and no replica stopped being
 * ready.
 */
export const redisIsMissedGracefully =
  (withinMs = SLOWEST_MS): Requirement =>
  ({ entries, noiseMs }) => {
    const calls = entries.filter(isCall);
    const back = entries.filter(({ what }) => what === "redis_away").map(({ answeredAt }) => answeredAt);
    const backAt = Math.max(...back);
    const failed = calls.filter(({ what, outcome }) => STATEFUL.some((name) => name === what) && outcome !== "ok");
    const unready = calls.filter(({ what, outcome }) => what === "readyz" && outcome !== "ok");
    return [
      ...complaint(failed.filter(({ outcome }) => outcome !== "503").length, "answers were neither good nor 503"),
      ...complaint(
        failed.filter(({ calledAt, answeredAt }) => answeredAt - calledAt > withinMs + noiseMs).length,
        `answers of 503 took longer than ${withinMs} ms`,
      ),
      ...complaint(
        failed.filter(({ calledAt }) => calledAt > backAt + BACK_WITHIN_MS).length,
        "were refused 3 s after Redis was back",
      ),
      ...complaint(unready.length, "looks at readyz found a replica that was not ready"),
    ];
  };

/** Nobody lost a session. */
export const noSessionLost: Requirement = ({ summary }) => complaint(summary.lost, "sessions were lost");

/** No client of Iceberg's lost its session: it would not begin another. */
export const noIcebergSessionLost: Requirement = ({ entries }) =>
  complaint(
    entries.filter(({ what, who }) => what === "lost" && who.startsWith("java")).length,
    "sessions of Iceberg's Java client were lost",
  );

/** The load was worth its name. */
export const enoughLoad: Requirement = ({ entries }) => {
  const calls = entries.filter(isCall);
  const kinds = [...STATELESS, ...STATEFUL, "probe", "final", "watched"];
  return kinds
    .filter((kind) => !calls.some(({ what }) => what === kind))
    .map((kind) => `nothing was asked of kind ${kind}`);
};

function refusedBy(counts: Counts, what: string): readonly string[] {
  return complaint(refusals(counts), `${what} were refused: ${JSON.stringify(counts.refused)}`);
}

function complaint(count: number, what: string): readonly string[] {
  return count === 0 ? [] : [`${count} ${what}`];
}
