/** Arguments of commands that take an id. One id in 64 begins with a hyphen, like an option. */
import { type ParseArgsOptionsConfig, parseArgs } from "node:util";

/** An option that was mistyped is shorter than any id, and made of letters. */
const LOOKS_LIKE_OPTION = /^(?:-[A-Za-z]|--[a-z][a-z-]{0,18}(?:=.*)?)$/;

/** `parseArgs`, where an id stands for itself whatever it begins with. Undefined for wrong arguments. */
export function parseWithIds<const Options extends ParseArgsOptionsConfig>(args: readonly string[], options: Options) {
  const named: string[] = [];
  const positionals: string[] = [];
  for (let at = 0; at < args.length; at += 1) {
    const argument = args[at] ?? "";
    if (argument === "--") {
      positionals.push(...args.slice(at + 1));
      break;
    }
    const option = /^--([\w-]+)/.exec(argument)?.[1] ?? "";
    if (Object.hasOwn(options, option)) {
      named.push(argument);
      const takesNext = options[option]?.type === "string" && !argument.includes("=");
      if (takesNext && at + 1 < args.length) named.push(args[(at += 1)] ?? "");
    } else if (LOOKS_LIKE_OPTION.test(argument)) return undefined;
    else positionals.push(argument);
  }
  try {
    return parseArgs({ args: [...named, "--", ...positionals], options, allowPositionals: true });
  } catch {
    return undefined;
  }
}
