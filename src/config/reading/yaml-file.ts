/** One YAML document as plain values that know their lines. */
import { LineCounter, isNode, parseDocument } from "yaml";
import { type ConfigDisk, spellReadError } from "./disk.js";
import type { Findings, Source } from "./problem.js";
import { explainSlips } from "./yaml-slips.js";

/** A document that was read. */
export interface YamlFile {
  readonly source: Source;
  /** Undefined or null if it is empty. */
  readonly value: unknown;
  /** Whether it could not be read, which has been reported then. */
  readonly isBroken: boolean;
}

/** Aliases are for small repeats. Each may be used this often: a few lines cannot grow into gigabytes. */
const MAX_ALIASES = 100;

/**
 * Reads and parses a file, and reports failures. Problems call it `name`. The parser's own messages quote the file,
 * which may hold a secret: ours do not.
 */
export function readYamlFile(path: string, name: string, disk: ConfigDisk, findings: Findings): YamlFile {
  findings.dependsOn(path);
  const nowhere: Source = { file: name, lineOf: () => undefined };
  let text: string;
  try {
    text = disk.read(path);
  } catch (error) {
    findings.problem({ source: nowhere, path: [] }, `cannot be read: ${spellReadError(error)}`);
    return { source: nowhere, value: undefined, isBroken: true };
  }
  return parseYaml(text, name, findings);
}

function parseYaml(text: string, file: string, findings: Findings): YamlFile {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  for (const { line, reason } of explainSlips(text, document.errors, (offset) => lines.linePos(offset).line)) {
    findings.problem({ source: { file, lineOf: () => line }, path: [] }, `is not valid YAML: the line ${reason}`);
  }
  const source: Source = {
    file,
    lineOf(path) {
      for (let length = path.length; length > 0; length--) {
        const node = document.getIn(path.slice(0, length), true);
        if (isNode(node) && node.range) return lines.linePos(node.range[0]).line;
      }
      return undefined;
    },
  };
  if (document.errors.length > 0) return { source, value: undefined, isBroken: true };
  try {
    return { source, value: document.toJS({ maxAliasCount: MAX_ALIASES }), isBroken: false };
  } catch (error) {
    const reason = (error instanceof Error ? error.message : "").startsWith("Unresolved alias")
      ? "has a value that begins with *, which is an alias in YAML: put the value in quotes"
      : "repeats itself too often by aliases (&name, *name)";
    findings.problem({ source, path: [] }, reason);
    return { source, value: undefined, isBroken: true };
  }
}
