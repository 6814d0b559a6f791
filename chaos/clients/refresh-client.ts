/**
 * A client that keeps users' sessions by refresh tokens, as Dremio's AuthManager and Nimbus do: whatever failed is tried
 * again with the same token, and only `invalid_grant` ends a session.
 */
import { type ClientOptions, pause, textOf } from "../client.js";
import { FormCaller } from "../form-caller.js";
import { type UserSession, beginSession, useRefreshToken } from "../user-session.js";

const EVERY_MS = 250;
const RETRY_MS = 200;

/** Runs it, one session after another if sessions are lost. */
export async function runRefreshClient({ who, url, history, signal }: ClientOptions): Promise<void> {
  using caller = new FormCaller(who, url, history);
  while (!signal.aborted) {
    const session = await beginSession(caller);
    if (session !== undefined) await keep(session, caller, signal);
    await pause(RETRY_MS, signal);
    if (session === undefined || signal.aborted) continue;
    const now = performance.now();
    history.add({ who, what: "lost", calledAt: now, answeredAt: now, outcome: "invalid_grant" });
  }
}

/** Refreshes until the session is over. */
async function keep(session: UserSession, caller: FormCaller, signal: AbortSignal): Promise<void> {
  let token = session.refreshToken;
  while (!signal.aborted) {
    const { outcome, body } = await useRefreshToken(caller, session.id, token);
    if (outcome === "400") return;
    if (outcome === "ok") token = textOf(body, "refresh_token");
    await pause(outcome === "ok" ? EVERY_MS : RETRY_MS, signal);
  }
}
