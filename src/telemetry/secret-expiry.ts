/** The part of a client that shows when its secrets end. Instants in milliseconds. */
export interface SecretHolder {
  readonly id: string;
  readonly disabled: boolean;
  readonly secrets: readonly { readonly expiresAt: number | undefined }[];
}

/** When a client's last secret expires. */
export interface SecretExpiry {
  readonly client: string;
  readonly expiresAt: number;
}

/** The `limit` clients whose last secret expires soonest. A client with a secret that never expires is none of them. */
export function earliestExpiries(clients: Iterable<SecretHolder>, limit: number): readonly SecretExpiry[] {
  const expiries: SecretExpiry[] = [];
  for (const { id, disabled, secrets } of clients) {
    if (disabled || secrets.length === 0) continue;
    const expiresAt = Math.max(...secrets.map((secret) => secret.expiresAt ?? Infinity));
    if (expiresAt < Infinity) expiries.push({ client: id, expiresAt });
  }
  return expiries.toSorted((a, b) => a.expiresAt - b.expiresAt).slice(0, limit);
}
