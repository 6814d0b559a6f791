/** The bounds of a request, the same on both transports. */

/** A form body or an RPC message, in bytes. */
export const MAX_MESSAGE_BYTES = 256 * 1024;

/** All header fields of a request together, in bytes. Node's own 16 KiB would answer 431 to a long Bearer token. */
export const MAX_HEADER_BYTES = 32 * 1024;

/** A token, a client secret or an assertion, in characters: federated JWTs travel in all of them. */
export const MAX_TOKEN_LENGTH = 16 * 1024;

/** Any other value, in characters. */
export const MAX_VALUE_LENGTH = 4 * 1024;

/** Parameters of one form, and values of one repeated field. */
export const MAX_PARAMETERS = 64;

/** All messages of one call together, in bytes. */
export const MAX_STREAM_BYTES = 1024 * 1024;

/** The memory of all requests under way, over all connections, in bytes. */
export const MAX_BYTES_UNDER_WAY = 16 * 1024 * 1024;

/** Streams that one HTTP/2 connection may have open. */
export const MAX_CONCURRENT_STREAMS = 100;

/** Streams that a peer may reset at once, and then 33 in each second, before its connection ends (CVE-2023-44487). */
export const MAX_RESETS_AT_ONCE = 100;

/** A longer deadline of a unary call is cut to this. */
export const MAX_TIMEOUT_MS = 30_000;

/** An RPC answer, in bytes. */
export const MAX_ANSWER_BYTES = 1024 * 1024;
