import { SECOND } from "../time/clock.js";

/** Writes instants (milliseconds) as ISO 8601 with milliseconds; the calendar is asked once a second at most. */
export function createIsoTime(): (at: number) => string {
  let second = Number.NaN;
  let upToSecond = "";
  return (at) => {
    const instant = Math.floor(at);
    const milliseconds = instant % SECOND;
    if (instant - milliseconds !== second) {
      second = instant - milliseconds;
      upToSecond = new Date(second).toISOString().slice(0, "2026-01-01T00:00:00.".length);
    }
    return `${upToSecond}${String(milliseconds).padStart(3, "0")}Z`;
  };
}
