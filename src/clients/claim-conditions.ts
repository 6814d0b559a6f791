/**
 * Conditions on the claims of a workload's token. An object is compared leaf by leaf, and the token may say more. A
 * list means any of its values. Values are compared by type: the string "true" is not the boolean, and a list in the
 * token never matches, whatever it holds.
 */
import { type JsonObject, type JsonValue, isJsonObject } from "../oauth/json.js";

/** The path of the first condition that the claims do not meet, such as `kubernetes.io.namespace`. */
export function unmetCondition(conditions: JsonObject, claims: JsonObject): string | undefined {
  for (const [name, condition] of Object.entries(conditions)) {
    const claim = Object.hasOwn(claims, name) ? claims[name] : undefined;
    if (isJsonObject(condition)) {
      const unmet = isJsonObject(claim) ? unmetCondition(condition, claim) : "";
      if (unmet !== undefined) return unmet === "" ? name : `${name}.${unmet}`;
    } else if (claim === undefined || !isExact(claim) || !valuesOf(condition).includes(claim)) {
      return name;
    }
  }
  return undefined;
}

/** Whether no claims can meet both. */
export function areDisjoint(one: JsonObject, other: JsonObject): boolean {
  return Object.entries(one).some(([name, condition]) => {
    if (!Object.hasOwn(other, name)) return false;
    const opposite = other[name] ?? null;
    if (isJsonObject(condition) && isJsonObject(opposite)) return areDisjoint(condition, opposite);
    if (isJsonObject(condition) || isJsonObject(opposite)) return true;
    const values = valuesOf(opposite);
    return !valuesOf(condition).some((value) => values.includes(value));
  });
}

/** The values of a leaf. */
export function valuesOf(condition: JsonValue): readonly JsonValue[] {
  return Array.isArray(condition) ? condition : [condition];
}

/** Integers beyond 2^53 are rounded when they are read: two of them could be equal here and differ in the token. */
export function isExact(value: JsonValue): boolean {
  return typeof value !== "number" || !Number.isInteger(value) || Number.isSafeInteger(value);
}
