/**
 * Ends users' sessions: by revoking a token of theirs, or by using a refresh token that was replaced long ago, as a thief
 * would. Then looks again and again whether the session still counts anywhere.
 */
import { type ClientOptions, pause, textOf } from "../client.js";
import { FormCaller } from "../form-caller.js";
import { type UserSession, beginSession, probe, probeByRefreshToken, useRefreshToken } from "../user-session.js";

const EVERY_MS = 300;
const RETRY_MS = 200;
/** When to look, after the session's end was acknowledged: before, just after and long after the stated staleness. */
const LOOK_AFTER_MS = [200, 1050, 2000];

/** Runs it. `ended` gets each session whose revocation was acknowledged. */
export async function runRevoker(
  { who, url, history, signal }: ClientOptions,
  ended: (session: UserSession) => void,
): Promise<void> {
  using caller = new FormCaller(who, url, history);
  using looker = new FormCaller(`${who} looking`, url, history);
  const looks: Promise<void>[] = [];
  for (let turn = 0; !signal.aborted; turn += 1) {
    const session = await beginSession(caller);
    const newest = session && (await refreshTwice(caller, session));
    if (session !== undefined && newest !== undefined) {
      const isOver = await end(turn, caller, session, newest, signal);
      if (isOver && turn % 3 !== STEAL) ended(session);
      if (isOver) looks.push(look(looker, session, newest, signal));
    }
    await pause(EVERY_MS, signal);
  }
  await Promise.all(looks);
}

/** Which turns of three are a thief's; the others revoke by refresh token and by access token. */
const STEAL = 2;

async function end(
  turn: number,
  caller: FormCaller,
  session: UserSession,
  newest: string,
  signal: AbortSignal,
): Promise<boolean> {
  if (turn % 3 === STEAL) return steal(caller, session);
  return revoke(caller, session, turn % 3 === 0 ? newest : session.accessToken, signal);
}

/** The newest refresh token; undefined if it did not work at once. */
async function refreshTwice(caller: FormCaller, session: UserSession): Promise<string | undefined> {
  let token = session.refreshToken;
  for (let use = 0; use < 2; use += 1) {
    const { outcome, body } = await useRefreshToken(caller, session.id, token);
    if (outcome !== "ok") return undefined;
    token = textOf(body, "refresh_token");
  }
  return token;
}

/** Revokes until it is acknowledged. */
async function revoke(caller: FormCaller, session: UserSession, token: string, signal: AbortSignal): Promise<boolean> {
  while (!signal.aborted) {
    const post = { what: "revoke", path: "/v1/oauth/revoke", form: { token }, about: { session: session.id } } as const;
    if ((await caller.post(post)).outcome === "ok") return true;
    await pause(RETRY_MS, signal);
  }
  return false;
}

/** Uses the first refresh token once more: that kills the family. */
async function steal(caller: FormCaller, session: UserSession): Promise<boolean> {
  return (await useRefreshToken(caller, session.id, session.refreshToken, "reuse")).outcome === "400";
}

async function look(caller: FormCaller, session: UserSession, newest: string, signal: AbortSignal): Promise<void> {
  let waitedMs = 0;
  for (const afterMs of LOOK_AFTER_MS) {
    await pause(afterMs - waitedMs, signal);
    waitedMs = afterMs;
    if (signal.aborted) return;
    await probe(caller, session.id, session.accessToken, "probe");
    await probeByRefreshToken(caller, session.id, newest);
  }
}
