import { describe, expect, it } from "vitest";
import { parseTraceParent } from "../../src/telemetry/traceparent.js";

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN = "00f067aa0ba902b7";

describe("traceparent (W3C Trace Context section 3.2)", () => {
  it("gives trace, parent and whether it is sampled", () => {
    const parsed = { traceId: TRACE, parentSpanId: SPAN };
    expect(parseTraceParent(`00-${TRACE}-${SPAN}-01`)).toEqual({ ...parsed, traceSampled: true });
    expect(parseTraceParent(`00-${TRACE}-${SPAN}-00`)).toEqual({ ...parsed, traceSampled: false });
    expect(parseTraceParent(`00-${TRACE}-${SPAN}-ff`)).toEqual({ ...parsed, traceSampled: true });
  });

  it("reads what it knows of a later version", () => {
    expect(parseTraceParent(`cc-${TRACE}-${SPAN}-01-what-the-future-brings`)?.traceId).toBe(TRACE);
    expect(parseTraceParent(`cc-${TRACE}-${SPAN}-01`)?.traceId).toBe(TRACE);
  });

  it.each([
    ["nothing", undefined],
    ["an empty header", ""],
    ["version ff", `ff-${TRACE}-${SPAN}-01`],
    ["more after the flags in version 00", `00-${TRACE}-${SPAN}-01-more`],
    ["a later version without a dash before what follows", `cc-${TRACE}-${SPAN}-01.more`],
    ["a trace id of zeros", `00-${"0".repeat(32)}-${SPAN}-01`],
    ["a span id of zeros", `00-${TRACE}-${"0".repeat(16)}-01`],
    ["capitals", `00-${TRACE.toUpperCase()}-${SPAN}-01`],
    ["a short trace id", `00-${TRACE.slice(1)}-${SPAN}-01`],
    ["two values", `00-${TRACE}-${SPAN}-01,00-${TRACE}-${SPAN}-01`],
    ["a line break", `00-${TRACE}-${SPAN}-01\n`],
    ["a long header", `cc-${TRACE}-${SPAN}-01-${"x".repeat(300)}`],
  ])("is ignored for %s", (_, header) => {
    expect(parseTraceParent(header)).toBeUndefined();
  });
});
