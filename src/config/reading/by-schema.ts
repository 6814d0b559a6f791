/**
 * Reads a value by its schema, and keeps the parts that are right. zod alone answers all or nothing. Here a wrong part is
 * reported and left out, and the rules still judge the rest: one run reports every problem.
 */
import { z } from "zod";
import { isJsonObject } from "../../oauth/json.js";
import { closest } from "./closest.js";
import { type Findings, type Spot, inside } from "./problem.js";

/** A schema's value without its wrong parts. */
export type Readable<S> =
  S extends z.ZodOptional<infer Inner>
    ? Readable<Inner> | undefined
    : S extends z.ZodObject<infer Shape>
      ? { readonly [Name in keyof Shape]?: Readable<Shape[Name]> | undefined }
      : S extends z.ZodArray<infer Item>
        ? readonly (Readable<Item> | undefined)[]
        : S extends z.ZodType
          ? z.output<S>
          : never;

/**
 * Reads `value`. Null counts as absent, as in `clients:` with nothing after it. An array keeps the places of its
 * elements: one that is wrong is undefined.
 */
export function readBySchema<S extends z.ZodType>(
  schema: S,
  value: unknown,
  spot: Spot,
  findings: Findings,
): Readable<S> | undefined {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- readAny follows the type above step by step
  return readAny(schema, value, spot, findings) as Readable<S> | undefined;
}

function readAny(schema: unknown, value: unknown, spot: Spot, findings: Findings): unknown {
  if (schema instanceof z.ZodOptional) {
    return value === undefined || value === null ? undefined : readAny(schema.unwrap(), value, spot, findings);
  }
  if (!(schema instanceof z.ZodType)) throw new TypeError("not a schema");
  const { example } = exampleOf(schema);
  if (value === undefined || value === null) {
    findings.problem(spot, "is missing", example);
    return undefined;
  }
  if (schema instanceof z.ZodObject) return readObject(schema, value, spot, findings);
  if (schema instanceof z.ZodArray) {
    if (Array.isArray(value)) {
      return value.map((item, index) => readAny(schema.element, item, inside(spot, index), findings));
    }
    findings.problem(spot, "must be a list", example ?? `[${exampleOf(schema.element).example ?? "..."}]`);
    return undefined;
  }
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  findings.problem(spot, result.error.issues[0]?.message ?? "is not valid", example);
  return undefined;
}

function readObject(schema: z.ZodObject, value: unknown, spot: Spot, findings: Findings): unknown {
  if (!isJsonObject(value)) {
    const otherwise = schema.meta()?.["otherwise"];
    const reason = typeof otherwise === "string" ? otherwise : "must hold settings by name";
    findings.problem(spot, reason, exampleOf(schema).example);
    return undefined;
  }
  const known = Object.keys(schema.shape);
  for (const name of Object.keys(value)) {
    if (!Object.hasOwn(schema.shape, name)) reportUnknown(name, known, spot, findings);
  }
  return Object.fromEntries(
    Object.entries(schema.shape).map(([name, inner]) => [
      name,
      readAny(inner, Object.hasOwn(value, name) ? value[name] : undefined, inside(spot, name), findings),
    ]),
  );
}

/** The elements of a list that could be read. */
export function present<T>(list: readonly (T | undefined)[] | undefined): readonly T[] {
  return (list ?? []).filter((item) => item !== undefined);
}

/** Among secrets an unknown name is not repeated: it may be a secret that was pasted where a name belongs. */
function reportUnknown(name: string, known: readonly string[], spot: Spot, findings: Findings): void {
  const names = `known here: ${known.join(", ")}`;
  if (spot.path.includes("secrets") || !/^[\w-]{1,40}$/.test(name)) {
    findings.problem(spot, `holds a name that is no setting; ${names}`);
    return;
  }
  const meant = closest(name, known);
  findings.problem(inside(spot, name), `is no setting; ${meant === undefined ? names : `did you mean ${meant}?`}`);
}

function exampleOf(schema: unknown): { readonly example?: string } {
  const example = schema instanceof z.ZodType ? schema.meta()?.["example"] : undefined;
  return typeof example === "string" ? { example } : {};
}
