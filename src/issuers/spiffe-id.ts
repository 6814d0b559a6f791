/** SPIFFE-ID section 2: the trust domain, and a path without empty, `.` or `..` segments and without a final slash. */
const SPIFFE_ID = /^spiffe:\/\/([a-z0-9._-]{1,255})((?:\/[A-Za-z0-9._-]+)*)$/;
const MAX_LENGTH = 2048;

/** The trust domain of a SPIFFE ID. Undefined if the string is none. */
export function trustDomainOf(id: string): string | undefined {
  if (id.length > MAX_LENGTH) return undefined;
  const [, domain, path = ""] = SPIFFE_ID.exec(id) ?? [];
  if (path.split("/").some((segment) => segment === "." || segment === "..")) return undefined;
  return domain;
}
