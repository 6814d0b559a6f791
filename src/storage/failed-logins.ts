/** Counts failed authentications of all replicas together. */
export interface FailedLogins {
  /**
   * Adds one failure for `key` (a client and address, or an address). Never waited for on the request path and never
   * throws: when the store is away, each replica's own count must do.
   */
  spend(key: string): void;
  /**
   * Failures of *other* replicas for the key are merged into the local buckets through `onRemote`, within seconds.
   */
  follow(onRemote: (key: string, count: number) => void, signal: AbortSignal): void;
}
