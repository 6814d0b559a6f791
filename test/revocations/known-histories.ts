/** Histories that go wrong where one rule is missing: each run takes them before any random one. */
import type { Step } from "./steps.js";

const user = { do: "user", replica: 0, client: "alpha", unsecured: false, by: null } as const;
const login = { do: "login", replica: 0, client: "alpha" } as const;
const delegate = { do: "delegate", replica: 0, token: 0 } as const;
const revoke = { do: "revoke", replica: 1, token: 0 } as const;
const pass = (seconds: number): Step => ({ do: "pass", seconds });

/** By the rule that they need. */
export const KNOWN_HISTORIES: Readonly<Record<string, readonly Step[]>> = {
  "a client's revocation covers its sub": [login, delegate, { ...revoke, kind: "client" }],
  "and so does its removal, also once it is back": [
    login,
    delegate,
    { do: "settings", what: "client", client: "alpha" },
    { do: "settings", what: "client", client: "alpha" },
  ],
  "an issuer that is gone": [user, delegate, { do: "settings", what: "issuer", client: "alpha" }],
  "unsecured subjects that are not allowed any more": [
    { ...user, unsecured: true },
    delegate,
    { do: "settings", what: "unsecured", client: "alpha" },
  ],
  "a client that may not act any more": [user, delegate, { do: "settings", what: "actor", client: "beta" }],
  "a revocation lasts as long as the longest session_ttl": [user, { ...revoke, kind: "subject" }, pass(700)],
  "also of a token by means of which sessions began": [
    login,
    { ...user, by: 0 },
    { ...revoke, kind: "token" },
    pass(700),
    pass(10_800),
  ],
  "what a revoked key's tokens grew into": [
    user,
    { do: "rotate" },
    { do: "refresh", replica: 0, token: 0, way: "bearer" },
    delegate,
    { ...revoke, kind: "key" },
  ],
  "a clock that is ahead": [
    { do: "restart", replica: 0, skew: 10, sessionTtl: 86_400 },
    user,
    { ...revoke, kind: "subject" },
  ],
  "a session that is dated ahead": [
    { ...login, client: "beta" },
    { ...revoke, kind: "everything" },
    user,
    { ...revoke, token: 1, kind: "subject" },
  ],
  "a refresh token that idled out": [user, pass(10_800), { ...revoke, kind: "refresh_token" }],
  "a session that is over by the present session_ttl": [user, pass(700), { ...delegate, replica: 1 }],
  "revocations that Redis lost": [
    user,
    { ...revoke, kind: "session" },
    { do: "lose" },
    { do: "restart", replica: 0, skew: 0, sessionTtl: 86_400 },
  ],
};
