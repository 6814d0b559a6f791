/** Where rings report what happens to them. The server's logger is one. Nothing secret is ever handed over. */
export interface KeyLog {
  info(message: string, fields?: Readonly<Record<string, unknown>>): void;
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void;
}
