/** W3C Trace Context, as far as a server needs it: read, put into the log and the spans, never trusted for access. */

/** The caller's place in its trace, by the names of `Caller`. */
export interface TraceParent {
  /** 32 lower-case hex digits. */
  readonly traceId: string;
  /** 16 lower-case hex digits. */
  readonly parentSpanId: string;
  /** Whether the caller records its trace, and asks that we do. */
  readonly traceSampled: boolean;
}

const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

/**
 * Reads a `traceparent` header (W3C Trace Context section 3.2). Undefined for whatever is not valid: version `ff`, ids
 * of zeros, capitals, and anything after the flags in version `00`.
 */
export function parseTraceParent(header: string | undefined): TraceParent | undefined {
  if (header === undefined || header.length > 256) return undefined;
  const [, version, traceId, parentSpanId, flags, rest] = TRACEPARENT.exec(header) ?? [];
  if (traceId === undefined || parentSpanId === undefined || flags === undefined) return undefined;
  if (version === "ff" || (version === "00" && rest !== undefined)) return undefined;
  if (/^0+$/.test(traceId) || /^0+$/.test(parentSpanId)) return undefined;
  return { traceId, parentSpanId, traceSampled: (Number.parseInt(flags, 16) & 1) === 1 };
}
