/**
 * The limits of a grant, as data. One rule serves scopes and audiences: a grant never exceeds the subject's token, the
 * actor's token or the client's record (RFC 8693 section 5).
 */
import { OAuthError, quoted } from "../oauth/error.js";
import { type Scope, parseScope } from "../oauth/scope.js";

/** Limits of what may be granted. */
export interface Bounds {
  /** Granted if the request names nothing, as far as the ceilings allow. */
  readonly fallback: readonly string[];
  /** Each must contain everything that the request names. */
  readonly ceilings: readonly ReadonlySet<string>[];
  /**
   * At a refresh: what the client's record still allows. The rest is dropped and not refused; the answer has the new
   * scope.
   */
  readonly kept?: ReadonlySet<string>;
}

/**
 * Throws `invalid_scope` (RFC 6749 section 5.2) if a scope exceeds a ceiling: it never grants a part in silence.
 */
export function grantedScope(parameter: string | undefined, bounds: Bounds, clientId: string): Scope {
  const asked = withoutUnasked(parseScope(parameter), bounds);
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

/** grpc-go and Google's own libraries add it to every exchange, unasked (grpc-go credentials/sts/sts.go). */
const GOOGLE_SCOPE = "https://www.googleapis.com/auth/cloud-platform";

/** The words that the caller meant. Where nobody allows Google's, it is as if it had not been sent. */
function withoutUnasked(asked: Scope | undefined, bounds: Bounds): Scope | undefined {
  if (asked?.includes(GOOGLE_SCOPE) !== true || withinCeilings(GOOGLE_SCOPE, bounds)) return asked;
  const meant = asked.filter((word) => word !== GOOGLE_SCOPE);
  return meant.length > 0 ? meant : undefined;
}

/**
 * Throws `invalid_target` unless every audience is allowed: a token is never for a part of them (RFC 8707 section 2.2).
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

/** Five at most: an error description has no room for more. */
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
