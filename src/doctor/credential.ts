/** The credential that the doctor asks with, and what may not appear in anything that it prints. */

/** `id:secret`, split at the first colon as Iceberg clients split it; without a colon it is a secret alone. */
export interface Credential {
  readonly id: string | undefined;
  readonly secret: string;
}

/** Undefined if there is no secret in it. */
export function parseCredential(text: string): Credential | undefined {
  const trimmed = text.trim();
  const colon = trimmed.indexOf(":");
  const secret = trimmed.slice(colon + 1);
  if (secret === "") return undefined;
  return { id: colon > 0 ? trimmed.slice(0, colon) : undefined, secret };
}

/** Whether Basic is the same raw and form-encoded. */
export function isPlain({ id = "", secret }: Credential): boolean {
  return /^[A-Za-z0-9_.-]*$/.test(id + secret);
}

/** Whether it may be sent there in the open: to https, or to this machine. */
export function isSafeTarget({ protocol, hostname }: URL): boolean {
  return protocol === "https:" || isLoopback(hostname);
}

/** Whether the host is this machine, by name or address. */
export function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "[::1]" || hostname === "::1" || /^127(\.\d{1,3}){3}$/.test(hostname);
}
