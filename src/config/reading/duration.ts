/** Durations as the settings write them: a whole number and a unit. */
import { DAY, HOUR, MINUTE, SECOND } from "../../time/clock.js";

/** The largest first. */
const UNITS: ReadonlyMap<string, number> = new Map([
  ["d", DAY],
  ["h", HOUR],
  ["m", MINUTE],
  ["s", SECOND],
  ["ms", 1],
]);

/**
 * Reads `500ms`, `30s`, `5m`, `1h` or `30d` as milliseconds. Undefined if it is no duration, or too large to count
 * exactly.
 */
export function parseDuration(text: string): number | undefined {
  const match = /^(?<count>\d{1,12})(?<unit>ms|s|m|h|d)$/.exec(text);
  const milliseconds = Number(match?.groups?.["count"]) * (UNITS.get(match?.groups?.["unit"] ?? "") ?? NaN);
  return Number.isSafeInteger(milliseconds) ? milliseconds : undefined;
}

/** Spells milliseconds in the largest unit that divides them. */
export function spellDuration(milliseconds: number): string {
  for (const [unit, size] of UNITS) {
    if (milliseconds >= size && milliseconds % size === 0) return `${milliseconds / size}${unit}`;
  }
  return milliseconds === 0 ? "0s" : `${milliseconds}ms`;
}
