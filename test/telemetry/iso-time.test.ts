import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createIsoTime } from "../../src/telemetry/iso-time.js";

describe("the time of a log line", () => {
  it("is ISO 8601 in UTC with milliseconds, whatever was asked before", () => {
    const isoTime = createIsoTime();
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 4e12 }), fc.integer({ min: 0, max: 3000 }), (start, step) => {
        for (let at = start; at <= start + step; at += Math.max(1, step / 3)) {
          expect(isoTime(at)).toBe(new Date(Math.floor(at)).toISOString());
        }
      }),
    );
  });
});
