/**
 * How far a grant may reach, as data: the same rule for scope words and for audiences. What is granted can only shrink,
 * never beyond the subject, the actor and the client (RFC 8693 section 5).
 */
import { OAuthError, quoted } from "../oauth/error.js";
import { type Scope, parseScope } from "../oauth/scope.js";

/** Limits of what may be granted. */
export interface Bounds {
  /** Granted when nothing is asked for, after cutting it to the rest. */
  readonly fallback: readonly string[];
  /** Each of these must hold everything that is asked for. */
  readonly ceilings: readonly ReadonlySet<string>[];
  /** At a refresh: what the client still has. The rest is dropped rather than refused, and the answer says so. */
  readonly kept?: ReadonlySet<string>;
}

/**
 * The scope to grant. Throws `invalid_scope` (RFC 6749 section 5.2): part of what was asked is never granted in
 * silence.
 */
export function grantedScope(parameter: string | undefined, bounds: Bounds, clientId: string): Scope {
  const asked = parseScope(parameter);
  const beyond = asked?.find((word) => !withinCeilings(word, bounds));
  if (asked !== undefined && beyond !== undefined) {
    throw new OAuthError(
      "invalid_scope",
      "SCOPE_NOT_ALLOWED",
      `Client ${quoted(clientId)} may not have scope ${quoted(beyond)} here. Allowed: ${listed(allowedBy(bounds))}.`,
    );
  }
  const granted = cut(asked ?? bounds.fallback, bounds);
  if (granted.length > 0) return granted;
  if (asked === undefined && bounds.fallback.length === 0) {
    throw new OAuthError(
      "invalid_scope",
      "SCOPE_MISSING",
      `Client ${quoted(clientId)} has no default scope: send one.`,
    );
  }
  throw new OAuthError(
    "invalid_scope",
    "SCOPE_NOT_ALLOWED",
    `Nothing is left of the scope that client ${quoted(clientId)} may have here. Ask for less, or change its scopes.`,
  );
}

/**
 * The audiences to grant. Several: the token is for all of them or refused, never for one in silence (RFC 8707 section
 * 2.2). Throws `invalid_target`.
 */
export function grantedAudience(
  request: { readonly audience: readonly string[]; readonly resource: readonly string[] },
  bounds: Bounds,
  clientId: string,
): readonly string[] {
  const { audience, resource: resources } = request;
  for (const resource of resources) {
    if (!isResource(resource)) {
      throw invalidTarget(`resource ${quoted(resource)} is not an absolute URI without a fragment.`);
    }
  }
  const asked = audience.length + resources.length === 0 ? NONE : [...new Set([...audience, ...resources])];
  const beyond = asked.find((name) => !withinCeilings(name, bounds));
  if (beyond !== undefined) {
    throw invalidTarget(`Client ${quoted(clientId)} may not have a token for ${quoted(beyond)} here.`);
  }
  const granted = cut(asked.length > 0 ? asked : bounds.fallback, bounds);
  if (granted.length === 0) {
    throw invalidTarget(`No audience is left that client ${quoted(clientId)} and the tokens it presents all allow.`);
  }
  return granted;
}

const NONE: readonly string[] = [];

function withinCeilings(name: string, bounds: Bounds): boolean {
  return bounds.ceilings.every((ceiling) => ceiling.has(name));
}

function cut(names: readonly string[], bounds: Bounds): readonly string[] {
  const fits = (name: string): boolean => withinCeilings(name, bounds) && (bounds.kept?.has(name) ?? true);
  return names.every(fits) ? names : names.filter(fits);
}

function allowedBy(bounds: Bounds): readonly string[] {
  const [first = new Set<string>()] = bounds.ceilings;
  return [...first].filter((name) => withinCeilings(name, bounds));
}

/** A short list for people; the whole would not fit an error description. */
function listed(names: readonly string[]): string {
  return names.length === 0 ? "none" : quoted(names.slice(0, 5).join(" "), 80);
}

function invalidTarget(description: string): OAuthError {
  return new OAuthError("invalid_target", "TARGET_NOT_ALLOWED", description);
}

/** RFC 8707 section 2: an absolute URI (RFC 3986 section 4.3) without a fragment. */
function isResource(value: string): boolean {
  return /^[A-Za-z][A-Za-z0-9+.-]*:[\x21-\x7E]+$/.test(value) && !value.includes("#");
}
