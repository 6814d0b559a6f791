import type { TokenSource } from "./client.js";

type Fetch = typeof globalThis.fetch;

/**
 * A `fetch` that sends the source's token. After a 401 it gets another token and tries once more, unless the body is a
 * stream, which cannot be sent twice.
 */
export function authorizedFetch(
  source: Pick<TokenSource, "token" | "invalidate">,
  fetch: Fetch = globalThis.fetch,
): Fetch {
  return async (input, init) => {
    const send = async (token: string): Promise<Response> => {
      const headers = new Headers(init?.headers ?? (input instanceof Request ? input.headers : undefined));
      headers.set("authorization", `Bearer ${token}`);
      return await fetch(input, { ...init, headers });
    };
    const token = await source.token();
    const response = await send(token);
    if (response.status !== 401 || !source.invalidate(token) || !canRepeat(input, init?.body)) return response;
    const another = await source.token();
    await response.body?.cancel();
    return await send(another);
  };
}

function canRepeat(input: Parameters<Fetch>[0], body: RequestInit["body"]): boolean {
  if (body === undefined || body === null) return !(input instanceof Request) || input.body === null;
  return typeof body === "string" || !(Symbol.asyncIterator in body);
}
