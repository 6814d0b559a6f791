import type { Interceptor, StreamResponse } from "@connectrpc/connect";
import type { TokenSource } from "./client.js";

/** `Code.Unauthenticated`. Connect is not imported: services without it need not install it. */
const UNAUTHENTICATED = 16;

/**
 * A Connect interceptor that sends the source's token. A unary call that ends with UNAUTHENTICATED is tried once more
 * with another token; a stream is not, but the next call gets another token.
 */
export function bearerInterceptor(source: Pick<TokenSource, "token" | "invalidate">): Interceptor {
  return (next) => async (request) => {
    const token = await source.token();
    const gone = (error: unknown): boolean => isUnauthenticated(error) && source.invalidate(token);
    request.header.set("authorization", `Bearer ${token}`);
    try {
      const response = await next(request);
      return response.stream ? { ...response, message: watched(response.message, gone) } : response;
    } catch (error) {
      if (!gone(error) || request.stream) throw error;
      request.header.set("authorization", `Bearer ${await source.token()}`);
      return await next(request);
    }
  };
}

/** A stream's error comes while it is being read. */
async function* watched(messages: StreamResponse["message"], onError: (error: unknown) => void) {
  try {
    yield* messages;
  } catch (error) {
    onError(error);
    throw error;
  }
}

function isUnauthenticated(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === UNAUTHENTICATED;
}
