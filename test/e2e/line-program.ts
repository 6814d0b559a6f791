/** A program that answers every line of JSON with one: how the tests talk to clients in other languages. */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { type Interface, createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";

/** What it answers. */
export type LineAnswer = { readonly result: unknown } | { readonly error: string };

/** A running program. One question at a time. */
export class LineProgram implements AsyncDisposable {
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #lines: AsyncIterator<string>;
  readonly #reader: Interface;
  #stderr = "";

  constructor(command: string, args: readonly string[]) {
    this.#child = spawn(command, args, { stdio: ["pipe", "pipe", "pipe"] });
    this.#child.stderr.setEncoding("utf8").on("data", (text: string) => (this.#stderr += text));
    this.#reader = createInterface({ input: this.#child.stdout });
    this.#lines = this.#reader[Symbol.asyncIterator]();
  }

  /** What it has complained about so far. */
  get stderr(): string {
    return this.#stderr;
  }

  async ask(question: object): Promise<LineAnswer> {
    this.#child.stdin.write(`${JSON.stringify(question)}\n`);
    const { value, done } = await this.#lines.next();
    if (done === true) throw new Error(`the program ended: ${this.#stderr}`);
    return JSON.parse(value) as LineAnswer;
  }

  /** The result; throws what the program calls an error. */
  async resultOf(question: object): Promise<unknown> {
    const answer = await this.ask(question);
    if ("error" in answer) throw new Error(answer.error);
    return answer.result;
  }

  /** The error; throws if there is a result. */
  async errorOf(question: object): Promise<string> {
    const answer = await this.ask(question);
    if ("error" in answer) return answer.error;
    throw new Error(`no error, but ${JSON.stringify(answer.result)}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#reader.close();
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#child.kill("SIGKILL");
    await once(this.#child, "close");
  }
}
