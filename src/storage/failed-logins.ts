/** Counts the failed logins of all replicas together. */
export interface FailedLogins {
  /**
   * Adds one failed login for `key` (a client and address, or an address). The request path never waits for it, and it
   * never throws: when the store is away, each replica's own count must do.
   */
  spend(key: string): void;
  /** Failed logins that *other* replicas counted reach `onRemote` within seconds. */
  follow(onRemote: (key: string, count: number) => void, signal: AbortSignal): void;
}
