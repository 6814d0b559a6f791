/** Runs a TypeScript file of the tests in a process of its own: what strains a server must not strain what measures it. */
import { fork, type ChildProcess } from "node:child_process";

/** Node strips types by itself, but takes names of files as they are written. */
const FIND_TYPESCRIPT = `
import { registerHooks } from "node:module";
registerHooks({
  resolve(name, context, next) {
    const isOurs = name.startsWith(".") && context.parentURL?.endsWith(".ts");
    return next(isOurs ? name.replace(/\\.js$/, ".ts") : name, context);
  },
});`;

/** Starts it; it hears messages, and ends with its channel. */
export function forkTypescript(file: string, args: readonly string[]): ChildProcess {
  const hook = `data:text/javascript,${encodeURIComponent(FIND_TYPESCRIPT)}`;
  return fork(file, args, { execArgv: ["--import", hook], stdio: ["ignore", "ignore", "inherit", "ipc"] });
}
