/** Which scopes a path needs. */
import { normalPath } from "./normal-path.js";

/** A final `/*` of `path` stands for the path itself and all below. There is no other wildcard. */
export interface Rule {
  readonly path: string;
  /** The token has all of them. Empty: a live token suffices. */
  readonly scopes: readonly string[];
}

/** The rule for a path that `normalPath` returned. Undefined: a live token suffices. */
export type FindRule = (path: string) => Rule | undefined;

const BELOW = "/*";

/** Why a path cannot stand in a rule. */
export function rulePathProblem(path: string): string | undefined {
  const literal = literalOf(path);
  if (literal.includes("*")) return "has a `*` that is not the final `/*`";
  const isNormal = path === BELOW || (normalPath(literal) !== undefined && !literal.includes("?"));
  return isNormal
    ? undefined
    : "is not a path in normal form: it begins with `/`, and has no `//`, `.`, `..`, `;`, `?` or needless escape";
}

/** The first rule that fits is the one. Every path must be without a problem. */
export function createRules(rules: readonly Rule[]): FindRule {
  const compiled = rules.map((rule) => ({ rule, fits: matcherOf(rule.path) }));
  return (path) => compiled.find(({ fits }) => fits(path))?.rule;
}

/** The places of rules that never decide, because one before them fits whatever they fit. */
export function unreachableRules(rules: readonly Rule[]): readonly number[] {
  return rules.flatMap(({ path }, at) => {
    const own = normalPath(literalOf(path)) ?? "";
    const hiding = rules.slice(0, at).filter((earlier) => earlier.path.endsWith(BELOW) || !path.endsWith(BELOW));
    return createRules(hiding)(own) === undefined ? [] : [at];
  });
}

function matcherOf(path: string): (path: string) => boolean {
  const decoded = normalPath(literalOf(path)) ?? "";
  // Many services answer `/admin/` as `/admin`.
  const base = decoded.endsWith("/") ? decoded.slice(0, -1) : decoded;
  const below = `${base}/`;
  return path.endsWith(BELOW)
    ? (asked) => asked === base || asked.startsWith(below)
    : (asked) => asked === base || asked === below;
}

function literalOf(path: string): string {
  return path.endsWith(BELOW) ? path.slice(0, -BELOW.length) : path;
}
