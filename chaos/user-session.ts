/** A user's session at the client: begun by an exchange, kept by refresh tokens. */
import { FORMS, claimsOf, textOf } from "./client.js";
import type { Answer, FormCaller } from "./form-caller.js";
import type { What } from "./history.js";

/** A session that was begun with a refresh token. */
export interface UserSession {
  readonly id: string;
  readonly accessToken: string;
  readonly refreshToken: string;
}

/** Begins one; undefined if there was no answer, or none with a refresh token, as while Redis is away. */
export async function beginSession(caller: FormCaller): Promise<UserSession | undefined> {
  const form = FORMS.exchange(unsecuredJwt(`user-${caller.who}`), "jwt");
  const { outcome, body } = await caller.post({ what: "begin", form });
  const [accessToken, refreshToken] = [textOf(body, "access_token"), textOf(body, "refresh_token")];
  if (outcome !== "ok" || refreshToken === "") return undefined;
  return { id: String(claimsOf(accessToken)["sid"]), accessToken, refreshToken };
}

/** Uses a refresh token of a session once. */
export function useRefreshToken(
  caller: FormCaller,
  session: string,
  token: string,
  what: Extract<What, "refresh_token" | "reuse"> = "refresh_token",
): Promise<Answer> {
  const { family, generation } = idOf(token);
  return caller.post({
    what,
    form: FORMS.refreshToken(token),
    about: { session, family, presented: generation },
    learn: ({ outcome, body }) =>
      outcome === "ok" ? { successor: idOf(textOf(body, "refresh_token")).generation } : {},
  });
}

/**
 * Whether a session still counts (`ok`) or not (`inactive`): the client asks, by its own credentials, for an exchange of
 * the user's token, which is answered whether that has expired or not, but never if it was revoked.
 */
export async function probe(
  caller: FormCaller,
  session: string,
  accessToken: string,
  what: Extract<What, "probe" | "final">,
): Promise<void> {
  await caller.post({ what, form: FORMS.exchange(accessToken), about: { session }, learn: refusalIsInactive });
}

/** Looks in the same way by the newest refresh token. */
export async function probeByRefreshToken(caller: FormCaller, session: string, newest: string): Promise<void> {
  await caller.post({ what: "probe", form: FORMS.refreshToken(newest), about: { session }, learn: refusalIsInactive });
}

function refusalIsInactive({ outcome }: Answer): { readonly outcome?: string } {
  return outcome === "400" ? { outcome: "inactive" } : {};
}

/** What a refresh token names: opaque to clients, but not to a checker. */
function idOf(token: string): { readonly family: string; readonly generation: number } {
  const [family = "", generation] = token.split(".");
  return { family: family.replace("icr_", ""), generation: Number(generation) };
}

/** A JWT without signature, as Trino makes one for its user. */
function unsecuredJwt(sub: string): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  return `${part({ alg: "none" })}.${part({ sub, iat: Math.floor(Date.now() / 1000) })}.`;
}
