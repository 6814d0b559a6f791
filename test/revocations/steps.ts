/** What may happen in a history. */
import fc from "fast-check";

/** The clients of every history. */
export const IDS = ["alpha", "beta"] as const;
const DAY = 86_400;
const HOUR = 3600;
const SESSION_TTLS = [600, HOUR, DAY] as const;
/** They differ from the start, as during a rolling change of `session_ttl`. */
export const REPLICAS = [
  { skew: 0, sessionTtl: DAY },
  { skew: 0, sessionTtl: 600 },
];

const at = fc.nat({ max: 30 });
const who = fc.constantFrom(...IDS);

/** One step. `replica`, `token` and `session` choose among what there is. */
export const anyStep = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant("login"), replica: at, client: who }) },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("user"),
      replica: at,
      client: who,
      unsecured: fc.boolean(),
      by: fc.option(at),
    }),
  },
  { weight: 5, arbitrary: fc.record({ do: fc.constant("delegate"), replica: at, token: at }) },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("refresh"),
      replica: at,
      token: at,
      way: fc.constantFrom("bearer", "credentials", "refresh_token"),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("revoke"),
      replica: at,
      token: at,
      kind: fc.constantFrom("token", "refresh_token", "session", "subject", "client", "everything", "key"),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("settings"),
      what: fc.constantFrom("client", "actor", "unsecured", "issuer"),
      client: who,
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("rotate") }) },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant("pass"), seconds: fc.constantFrom(1, 3, 400, 700, HOUR, 3 * HOUR) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("restart"),
      replica: at,
      skew: fc.constantFrom(0, 10, -10),
      sessionTtl: fc.constantFrom(...SESSION_TTLS),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("lose") }) },
);

export type Step = typeof anyStep extends fc.Arbitrary<infer T> ? T : never;
