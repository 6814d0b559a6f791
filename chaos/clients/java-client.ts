/**
 * Iceberg's Java client (iceberg-core 1.12, `OAuth2Util` and `ExponentialHttpRequestRetryStrategy`): a token by client
 * credentials, then an exchange of it at 90 % of its life, six tries 100 to 1600 ms apart, one try with Basic, and never
 * again. 503 and 429 with `Retry-After` are repeated inside each try, five times.
 */
import { type ClientOptions, FORMS, claimsOf, pause, textOf } from "../client.js";
import { type Answer, FormCaller } from "../form-caller.js";
import { CLIENT } from "../settings.js";

const WAITS_MS = [100, 200, 400, 800, 1600];
const REPEATS = 5;
const REFRESH_AT = 0.9;
/** Tokens live for seconds here: a Bearer that would expire on its way is the test's own fault, not a refusal. */
const HARDLY_ALIVE_MS = 700;

/** Runs one session of the client. */
export async function runJavaClient({ who, url, history, signal }: ClientOptions): Promise<void> {
  using caller = new FormCaller(who, url, history);
  const form = { ...FORMS.clientCredentials, client_id: CLIENT.id, client_secret: CLIENT.secret };
  let answer = await repeated(() => caller.post({ what: "client_credentials", form }), signal);
  while (answer?.outcome === "ok") {
    const token = textOf(answer.body, "access_token");
    await pause(Number(answer.body["expires_in"]) * 1000 * REFRESH_AT, signal);
    if (signal.aborted) return;
    answer = await refresh(caller, token, signal);
  }
  if (signal.aborted) return;
  const now = performance.now();
  history.add({ who, what: "lost", calledAt: now, answeredAt: now, outcome: answer?.outcome ?? "never" });
}

async function refresh(caller: FormCaller, token: string, signal: AbortSignal): Promise<Answer | undefined> {
  const form = FORMS.exchange(token);
  for (let attempt = 0; attempt <= WAITS_MS.length; attempt += 1) {
    const isAlive = Number(claimsOf(token)["exp"]) * 1000 - Date.now() > HARDLY_ALIVE_MS;
    const bearer = isAlive ? { bearer: token } : {};
    const answer = await repeated(() => caller.post({ what: "exchange", form, ...bearer }), signal);
    if (answer?.outcome === "ok") return answer;
    await pause(WAITS_MS[attempt] ?? 0, signal);
    if (signal.aborted) return undefined;
  }
  return repeated(() => caller.post({ what: "exchange", form }), signal);
}

async function repeated(call: () => Promise<Answer>, signal: AbortSignal): Promise<Answer | undefined> {
  for (let repeat = 0; ; repeat += 1) {
    const answer = await call();
    const mayRepeat = answer.retryAfterMs !== undefined && ["503", "429"].includes(answer.outcome);
    if (!mayRepeat || repeat === REPEATS) return answer;
    await pause(answer.retryAfterMs, signal);
    if (signal.aborted) return undefined;
  }
}
