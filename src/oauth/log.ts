/** Where a part reports what happens to it. The server's logger is one. Nothing secret is ever handed over. */
export interface Log {
  info(message: string, fields?: Readonly<Record<string, unknown>>): void;
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void;
}
