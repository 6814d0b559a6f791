/** The address of icemint in a service's options. Credentials go there, so plain HTTP must stay on this machine. */

export interface AddressRules {
  /** Allows `http` to other machines, for a network that encrypts by itself, such as a mesh. */
  readonly allowHttp?: boolean | undefined;
}

const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;

/**
 * Accepts `https`, or `http` on loopback, with or without a path. Returns the address without a final slash. Throws
 * `TypeError`, which never quotes the address: it may contain a password.
 */
export function serverAddress(server: string, { allowHttp = false }: AddressRules = {}): string {
  if (!URL.canParse(server)) throw new TypeError("server is not a URL such as https://tokens.example.com");
  const { protocol, hostname, username, password, search, hash, origin, pathname } = new URL(server);
  if (username !== "" || password !== "")
    throw new TypeError("server holds credentials: they have options of their own");
  if (search !== "" || hash !== "") throw new TypeError("server has a query or a fragment");
  const isSafe = protocol === "https:" || (protocol === "http:" && (allowHttp || LOOPBACK.test(hostname)));
  if (!isSafe) throw new TypeError("server is neither https nor on loopback (allowHttp: true permits it)");
  return origin + pathname.replace(/\/+$/, "");
}
