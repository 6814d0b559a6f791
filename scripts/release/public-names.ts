/**
 * The names that users write down: commands, variables, settings, metrics, reasons, findings, entries of the package. A name that
 * came or went since the last release must stand in CHANGELOG.md. The gRPC interface has a check of its own.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";

/** Where each kind is written, and how. Tests compare these pages with the code. */
const KINDS: readonly { readonly kind: string; readonly file: string; readonly name: RegExp }[] = [
  { kind: "command", file: "src/cli/run-command.ts", name: /^ +words: \["(.*)"\],$/gm },
  { kind: "variable", file: "docs/configuration.md", name: /`(ICEMINT_[A-Z_]+)`/g },
  { kind: "setting", file: "docs/configuration.md", name: /^\| `([a-z_]+(?:\[\])?(?:\.[a-z_]+(?:\[\])?)*)` /gm },
  { kind: "edge", file: "docs/edge.md", name: /^\| `([\w-]+(?:\.\w+)*)/gm },
  { kind: "metric", file: "docs/telemetry.md", name: /^\| `(icemint_\w+)/gm },
  { kind: "reason", file: "proto/icemint/v1/error_reason.proto", name: /^ +ERROR_REASON_(\w+) = [1-9]/gm },
  { kind: "finding", file: "conformance/findings.json", name: /^ +"id": "([A-Z0-9_]+)"/gm },
  { kind: "entry", file: "package.json", name: /^ {4}"(\.\/[\w/-]+)": "\.\/dist/gm },
];

/** Every public name of a checkout, as `kind name`, sorted. */
export function publicNames(root: string): readonly string[] {
  const names = KINDS.flatMap(({ kind, file, name }) =>
    [...readFileSync(join(root, file), "utf8").matchAll(name)].map(
      ([, found = ""]) => `${kind} ${found.replaceAll('", "', " ")}`,
    ),
  );
  return [...new Set(names)].toSorted();
}

/** The names that came or went, and that the notes do not mention: by themselves, or by the group that they belong to. */
export function unmentionedNames(
  released: readonly string[],
  present: readonly string[],
  notes: string,
): readonly string[] {
  const gone = released.filter((name) => !present.includes(name)).map((name) => `gone: ${name}`);
  const come = present.filter((name) => !released.includes(name)).map((name) => `new: ${name}`);
  return [...gone, ...come].filter((entry) => !isMentioned(entry.replace(/^\w+: \w+ /, ""), notes));
}

/** A group of settings is mentioned as `edge`, one of them as `edge.listen`. */
function isMentioned(name: string, notes: string): boolean {
  const group = name.includes(".") ? name.slice(0, name.indexOf(".")).replace("[]", "") : undefined;
  const code = [...notes.matchAll(/`([^`]+)`/g)].map(([, text = ""]) => text);
  return code.some((text) => text.split(/[\s,=:{}]+/).includes(name) || text.includes(name) || text === group);
}
