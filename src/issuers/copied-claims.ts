/** Claims that are copied from a user's token into ours: named, or reached by a path of names. */
import { type JsonObject, type JsonValue, isJsonObject } from "../oauth/json.js";

/** The names from the token's root to a claim. At least one. */
export type ClaimPath = readonly string[];

/** The claims that the paths name, each in its place, without the members beside them. */
export function copyClaims(claims: JsonObject, paths: readonly ClaimPath[]): JsonObject {
  const names = new Set(paths.flatMap(([name]) => name ?? []));
  return Object.fromEntries(
    [...names].flatMap((name): [string, JsonValue][] => {
      const value = Object.hasOwn(claims, name) ? claims[name] : undefined;
      if (value === undefined) return [];
      const tails = paths.flatMap(([first, ...rest]) => (first === name ? [rest] : []));
      if (tails.some((tail) => tail.length === 0)) return [[name, value]];
      const inner = isJsonObject(value) ? copyClaims(value, tails) : {};
      return Object.keys(inner).length > 0 ? [[name, inner]] : [];
    }),
  );
}
