/** Reads what a token endpoint answered, without trusting any of it. */
import type { Answer } from "./exchange.js";

/** An answer's JSON object; undefined if it is none. */
export function readObject(body: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(body);
    if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
    return Object.fromEntries(Object.entries(value));
  } catch {
    return undefined;
  }
}

/** Whether the answer gives a token, whatever else is wrong with it. */
export function hasToken(answer: Answer): boolean {
  return answer.status >= 200 && answer.status < 300 && accessToken(answer) !== undefined;
}

/** The token. */
export function accessToken(answer: Answer): string | undefined {
  const token = readObject(answer.body)?.["access_token"];
  return typeof token === "string" && token !== "" ? token : undefined;
}

/** The OAuth error and description, for as much as there is of them. */
export function readError(answer: Answer): { readonly code: string | undefined; readonly description: string } {
  const object = readObject(answer.body);
  const code = object?.["error"];
  const description = object?.["error_description"];
  return {
    code: typeof code === "string" ? code : undefined,
    description: typeof description === "string" ? description : "",
  };
}

/** The refusal in one line. */
export function spellRefusal(answer: Answer): string {
  const { code, description } = readError(answer);
  if (code !== undefined) return `${answer.status} ${code}${description === "" ? "" : `: ${description}`}`;
  return `${answer.status} ${answer.body === "" ? "with an empty body" : answer.body}`;
}

/** The claims of a token that is a JWT, unverified; undefined for an opaque one. */
export function readClaims(token: string): Readonly<Record<string, unknown>> | undefined {
  const [, payload = "", ...rest] = token.split(".");
  return rest.length === 1 ? readObject(Buffer.from(payload, "base64url").toString("utf8")) : undefined;
}
