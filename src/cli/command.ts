export interface TextOutput {
  write(text: string): unknown;
}

/** The process, as a command sees it. */
export interface CommandContext {
  /** The arguments after the command's name. */
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdout: TextOutput;
  readonly stderr: TextOutput;
  /** The whole of standard input. */
  readStdin(): Promise<string>;
  /** Asks a person for a line that is not shown; undefined if nobody sits there. */
  readSecret(question: string): Promise<string | undefined>;
  /** Asks a person whether to go on; undefined if nobody sits there. */
  confirm(question: string): Promise<boolean | undefined>;
  /** Whether a person reads stderr. */
  readonly isTerminal: boolean;
  onSignal(name: "SIGTERM" | "SIGINT" | "SIGHUP", listener: () => void): void;
  /** Called with an error that nobody caught. */
  onCrash(listener: (error: unknown) => void): void;
  /** Ends the process at once. */
  exit(code: number): void;
}

export interface Command {
  /** Lines of help. */
  readonly usage: string;
  /** Gives the exit code. */
  run(context: CommandContext): Promise<number> | number;
}
