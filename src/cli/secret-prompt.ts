/** Asks a person for a secret, without showing what is typed. */
import { createInterface } from "node:readline";
import { Writable } from "node:stream";

/** The terminal, as far as it is needed. */
export interface Terminal {
  readonly input: NodeJS.ReadableStream;
  readonly output: { write(text: string): unknown };
}

/** The line that was typed; undefined at the end of the input. */
export async function promptSecret(question: string, { input, output }: Terminal): Promise<string | undefined> {
  output.write(question);
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  // readline with a terminal switches the echo off; what it would draw goes nowhere.
  const lines = createInterface({ input, output: nowhere, terminal: true });
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  lines.once("line", resolve);
  lines.once("close", () => resolve(undefined));
  lines.once("SIGINT", () => lines.close());
  const line = await promise;
  lines.close();
  output.write("\n");
  return line;
}
